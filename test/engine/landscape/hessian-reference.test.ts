import { readFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { norm } from '../../../src/engine/algebra/small-matrix';
import type { LoadedModel } from '../../../src/engine/adapters/load-trainable';
import type { Batch } from '../../../src/engine/data/batch';
import { createGaussNewtonOperator } from '../../../src/engine/landscape/gauss-newton';
import { createHessianOperator } from '../../../src/engine/landscape/hessian-operator';
import type { Measured } from '../../../src/engine/landscape/measure';
import { LANDSCAPE } from '../../../src/engine/landscape/registry';
import type { MeasureResult } from '../../../src/shared/inspection/results';
import { SPACE_NAMES, type SpaceName } from '../../../src/shared/inspection/spaces';
import type { InspectionTask } from '../../../src/shared/inspection/request';
import { FIXTURES } from '../../support/bert-fixture';
import { measureCase, moduleScopes } from '../../support/landscape-case';
import { loadReference } from '../../support/reference-model';
import { inCoordinates, referenceTensors } from '../../support/space-vectors';
import { testedBackends } from '../../support/tested-backends';

/** What issue 5 asks for. */
const HVP = 1e-4;

/**
 * Of differences: truncation (by h²) and the rounding of float32 gradients (by 1/h) cross between 8e-5
 * and 1.2e-4 in this model, whose curvature is that of a toy; steps are halves of each other, so twice
 * that. At the size of MiniLM they cross below 1e-4 (`minilm-reference.test.ts`).
 */
const DIFFERENCE = 3e-4;

/** The accuracy that issue 5 asks for; PyHessian's own is 2e-6 here. */
const LAMBDA = 1e-3;

interface Facts {
  readonly largest: number[];
  /** Ascending. */
  readonly smallest: number[];
  readonly trace: number;
  /** tr H². */
  readonly squares: number;
}

interface SpaceFacts {
  readonly dimension: number;
  readonly hessian: Facts;
  readonly gaussNewton: Facts;
  readonly modules: Record<string, Facts>;
}

const reference = JSON.parse(readFileSync(`${FIXTURES}/landscape/hessian.json`, 'utf8')) as {
  spaces: Record<SpaceName, SpaceFacts>;
  pyhessian: { eigenvalues: number[]; trace: number[] };
};

let loaded: LoadedModel & { batch: Batch };
let tensors: Awaited<ReturnType<typeof referenceTensors>>;

function caseOf(task: Partial<InspectionTask> & Pick<InspectionTask, 'measure' | 'space'>) {
  const { model, initial, batch } = loaded;
  return measureCase({ model, parameters: initial, batches: [batch], task });
}

async function measured(
  task: Partial<InspectionTask> & Pick<InspectionTask, 'measure' | 'space'>,
): Promise<Measured> {
  const context = await caseOf(task);
  const found = await LANDSCAPE[task.measure].measure(context);
  context.coordinates.dispose();
  return found;
}

type Of<K extends MeasureResult['kind']> = Extract<MeasureResult, { kind: K }>;
const scalar = ({ result }: Measured) => result as Of<'scalar'>;
const eigenvalues = ({ result }: Measured) => result as Of<'eigenvalues'>;

describe.each(await testedBackends())('on $name, PyTorch’s float64', (backend) => {
  beforeAll(async () => {
    await backend.start();
    loaded = await loadReference('bert-cls');
    tensors = await referenceTensors(`${FIXTURES}/landscape/hessian.safetensors`);
  });
  afterAll(() => {
    loaded.model.dispose();
    tf.dispose([...loaded.initial.values()]);
  });

  describe.each(SPACE_NAMES)('of %s', (space) => {
    it.each(['exact', 'difference'] as const)('has our Hessian products, %s', async (hvp) => {
      const context = await caseOf({ measure: 'hessian-top', space });
      const vectors = inCoordinates(context.coordinates, loaded, tensors, space);
      const operator = createHessianOperator(context, hvp);
      const product = await operator.apply(await vectors('vector'));
      const expected = await vectors('hvp');
      expect(relative(product, expected)).toBeLessThan(hvp === 'exact' ? HVP : DIFFERENCE);
      expect(operator.products).toBe(hvp);
      context.coordinates.dispose();
    });

    it.each(['exact', 'difference'] as const)('has our Gauss-Newton products, %s', async (hvp) => {
      const context = await caseOf({ measure: 'gauss-newton-top', space });
      const vectors = inCoordinates(context.coordinates, loaded, tensors, space);
      const operator = createGaussNewtonOperator(context, hvp);
      const product = await operator.apply(await vectors('vector'));
      const expected = await vectors('gnvp');
      expect(relative(product, expected)).toBeLessThan(hvp === 'exact' ? HVP : DIFFERENCE);
      context.coordinates.dispose();
    });
  });

  it('has the extremes of the row space', async () => {
    const task = { measure: 'hessian-top', space: 'row', eigenvalues: 2, steps: 60 } as const;
    expectExtremes(await measured(task), reference.spaces.row.hessian, 2);
  });

  it('has the traces of all modules within three standard errors, from one set of probes', async () => {
    const task = { measure: 'hessian-trace', space: 'row', probes: 40, seed: 1 } as const;
    const context = await caseOf(task);
    const scopes = moduleScopes(context);
    const found = await LANDSCAPE['hessian-trace'].measureTogether?.(context, scopes);
    const { modules } = reference.spaces.row;
    expect([...(found?.keys() ?? [])]).toEqual(scopes.map(({ id }) => id));
    for (const { id } of scopes)
      expectTrace(found?.get(id) as Measured, (modules[id] as Facts).trace);
  });
});

describe('PyTorch’s float64, by backend of choice', () => {
  beforeAll(async () => {
    const backends = await testedBackends();
    await (backends.find(({ name }) => name === 'tensorflow') ?? backends[0])?.start();
    loaded = await loadReference('bert-cls');
  });

  it.each(SPACE_NAMES)('has the extremes of %s, residuals bounding the error', async (space) => {
    const task = { measure: 'hessian-top', space, eigenvalues: 2, steps: 80 } as const;
    const found = await measured(task);
    expectExtremes(found, reference.spaces[space].hessian, 2);
    expect(eigenvalues(found).converged).toBe(true);
  });

  it('has PyHessian’s largest eigenvalue of everything that is trained', async () => {
    const [largest] = reference.pyhessian.eigenvalues as [number];
    const task = { space: 'trainable', eigenvalues: 1, steps: 1000, tolerance: 1e-5 } as const;
    const power = await measured({ measure: 'power-iteration', ...task });
    expect(Math.abs((eigenvalues(power).values[0] as number) / largest - 1)).toBeLessThan(LAMBDA);
    const top = await measured({ measure: 'hessian-top', ...task, steps: 80, tolerance: 1e-3 });
    const byLanczos = eigenvalues(top).values.find(
      (value) => Math.sign(value) === Math.sign(largest),
    );
    expect(Math.abs((byLanczos as number) / largest - 1)).toBeLessThan(LAMBDA);
  });

  it.each(SPACE_NAMES)('has the trace of %s within three standard errors', async (space) => {
    for (const measure of ['hessian-trace', 'hessian-trace-hutchpp'] as const)
      expectTrace(
        await measured({ measure, space, probes: 30, seed: 2 }),
        reference.spaces[space].hessian.trace,
      );
    expectTrace(
      await measured({ measure: 'gauss-newton-trace', space, probes: 30, seed: 2 }),
      reference.spaces[space].gaussNewton.trace,
    );
  });

  it('has traces of modules that add up to that of all, probe by probe', async () => {
    const context = await caseOf({ measure: 'hessian-trace', space: 'row', probes: 3, seed: 5 });
    const parts: Readonly<Record<string, number>>[] = [];
    const scopes = moduleScopes(context);
    const onSample = ({ values }: { values: Record<string, number> }) => void parts.push(values);
    await LANDSCAPE['hessian-trace'].measureTogether?.({ ...context, onSample }, [
      context,
      ...scopes,
    ]);
    expect(parts.length).toBe(3);
    for (const { all, ...modules } of parts) {
      const values = Object.values(modules);
      expect(values.length).toBe(scopes.length);
      expect(new Set(values).size).toBe(scopes.length);
      expect(values.reduce((sum, value) => sum + value, 0)).toBeCloseTo(all as number, 10);
    }
  });

  it.each(SPACE_NAMES)('has the Gauss-Newton extremes of %s, none negative', async (space) => {
    const found = eigenvalues(
      await measured({ measure: 'gauss-newton-top', space, eigenvalues: 3, steps: 30 }),
    );
    const { largest } = reference.spaces[space].gaussNewton;
    found.values.forEach((value, i) =>
      expect(Math.abs(value - (largest[i] as number))).toBeLessThan(
        LAMBDA * (largest[0] as number),
      ),
    );
  });

  it.each(['row', 'raw'] as const)(
    'has the density’s moments tr H/n and tr H²/n of %s',
    async (space) => {
      const probes = 12;
      const { result } = await measured({
        measure: 'hessian-density',
        space,
        steps: 6,
        probes,
        seed: 3,
      });
      const { nodes, weights } = result as Of<'density'>;
      const { dimension, hessian } = reference.spaces[space];
      const moments = (p: number) =>
        nodes.map((run, i) =>
          run.reduce((sum, x, j) => sum + (weights[i]?.[j] as number) * x ** p, 0),
        );
      for (const [p, exact] of [
        [1, hessian.trace / dimension],
        [2, hessian.squares / dimension],
      ] as const) {
        const found = moments(p);
        const mean = found.reduce((sum, x) => sum + x, 0) / probes;
        const variance = found.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (probes - 1);
        expect(Math.abs(mean - exact)).toBeLessThan(3 * Math.sqrt(variance / probes));
      }
    },
  );

  it.each(['exact', 'difference'] as const)(
    'goes on from the probes that are there to the same trace and density, %s',
    async (hvp) => {
      const { model, initial, batch } = loaded;
      for (const measure of ['hessian-trace', 'hessian-density', 'gauss-newton-trace'] as const) {
        const task = { measure, hvp, space: 'row', probes: 4, steps: 5, seed: 4 } as const;
        const seen: Record<string, number>[] = [];
        const options = { model, parameters: initial, batches: [batch], task };
        const whole = await LANDSCAPE[measure].measure(
          await measureCase({ ...options, onSample: ({ values }) => seen.push(values) }),
        );
        const late: number[] = [];
        const resumed = await LANDSCAPE[measure].measure(
          await measureCase({
            ...options,
            samples: seen.slice(0, 2),
            onSample: ({ index }) => late.push(index),
          }),
        );
        expect(seen.length).toBe(4);
        expect(late).toEqual([2, 3]);
        expect(resumed.result).toEqual(whole.result);
      }
    },
  );

  it('leaves no tensor behind, and the weights as they were', async () => {
    const before = await Promise.all([...loaded.initial.values()].map((t) => t.data()));
    const { numTensors } = tf.memory();
    for (const hvp of ['exact', 'difference'] as const)
      for (const measure of ['hessian-top', 'hessian-trace', 'gauss-newton-top'] as const)
        await measured({ measure, space: 'full', hvp, steps: 3, probes: 2 });
    expect(tf.memory().numTensors).toBe(numTensors);
    expect(await Promise.all([...loaded.initial.values()].map((t) => t.data()))).toEqual(before);
  });
});

function relative(found: Float64Array, expected: Float64Array): number {
  return norm(found.map((x, i) => x - (expected[i] as number))) / norm(expected);
}

function expectExtremes(found: Measured, facts: Facts, count: number): void {
  const { values, residuals } = eigenvalues(found);
  const expected = [...facts.largest.slice(0, count), ...facts.smallest.slice(0, count).reverse()];
  const scale = Math.max(...expected.map(Math.abs));
  expect(values.length).toBe(2 * count);
  values.forEach((value, i) => {
    const error = Math.abs(value - (expected[i] as number));
    expect(error).toBeLessThan(LAMBDA * scale);
    // A residual knows what Lanczos lacks, and not the error of a product.
    if (found.hvp === 'exact') expect(error).toBeLessThan((residuals[i] as number) + HVP * scale);
  });
}

function expectTrace(found: Measured, exact: number): void {
  const { value, standardError } = scalar(found);
  expect(standardError as number).toBeGreaterThan(0);
  expect(Math.abs(value - exact)).toBeLessThan(3 * (standardError as number));
}
