import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import type { ParameterMap } from '../../../src/engine/adapters/trainable-model';
import type { LoadedModel } from '../../../src/engine/adapters/load-trainable';
import type { Batch } from '../../../src/engine/data/batch';
import { createCoordinates } from '../../../src/engine/landscape/make-coordinates';
import { LANDSCAPE } from '../../../src/engine/landscape/registry';
import type { MeasureResult } from '../../../src/shared/inspection/results';
import type { SpaceName } from '../../../src/shared/inspection/spaces';
import type { InspectionTask } from '../../../src/shared/inspection/request';
import { measureCase } from '../../support/landscape-case';
import { loadReference } from '../../support/reference-model';
import { fastestTested } from '../../support/tested-backends';

/**
 * Of numbers of the same function at factors that float32 rounds anew: A and B are changed by 6e-8
 * of themselves, times the condition number of R (below 30), and products by their own rounding.
 */
const ROUNDING = 2e-4;

type Measures = Pick<InspectionTask, 'measure'> & Partial<InspectionTask>;

/** Same seed: not only the limit is invariant, but every estimate. */
const TASKS: Measures[] = [
  { measure: 'hessian-top', eigenvalues: 1, steps: 40, hvp: 'exact' },
  { measure: 'hessian-trace', probes: 3, hvp: 'exact' },
  { measure: 'hessian-trace-hutchpp', probes: 6, hvp: 'exact' },
  { measure: 'gauss-newton-trace', probes: 3, hvp: 'exact' },
];

let loaded: LoadedModel & { batch: Batch };

beforeAll(async () => {
  await fastestTested();
  loaded = await loadReference('bert-cls');
});

describe.each([1, 2])('under (B R⁻¹, R A), R drawn with seed %i,', (seed) => {
  it.each(TASKS)('$measure of the row space does not move', async (task) => {
    for (const space of ['row', 'full'] as const) {
      const before = await measured({ space, ...task }, loaded.initial);
      const after = await measured({ space, ...task }, regauged(seed));
      before.forEach((value, i) =>
        expect(Math.abs((after[i] as number) - value)).toBeLessThan(ROUNDING * scaleOf(before)),
      );
    }
  });

  it.each(TASKS)('$measure of (A, B) as stored does', async (task) => {
    const before = await measured({ space: 'raw', ...task }, loaded.initial);
    const after = await measured({ space: 'raw', ...task }, regauged(seed));
    expect(Math.abs((after[0] as number) - (before[0] as number))).toBeGreaterThan(
      0.05 * Math.abs(before[0] as number),
    );
  });

  it('so do not the coordinates of the weights in the row space', async () => {
    const valuesAt = async (parameters: ParameterMap, space: SpaceName) =>
      (await createCoordinates({ space, model: loaded.model, parameters })).values();
    const before = await valuesAt(loaded.initial, 'row');
    const after = await valuesAt(regauged(seed), 'row');
    const largest = Math.max(...before.map(Math.abs));
    before.forEach((value, i) =>
      expect(Math.abs((after[i] as number) - value)).toBeLessThan(ROUNDING * largest),
    );
  });
});

it('λ of (cB)(A/c) falls and rises with c in the raw space alone', async () => {
  const at = (c: number, space: SpaceName) => {
    const moved = loaded.model.modules.flatMap(({ loraA, loraB }) => [
      [loraA, tf.div(loaded.initial.get(loraA) as tf.Tensor, c)] as const,
      [loraB, tf.mul(loaded.initial.get(loraB) as tf.Tensor, c)] as const,
    ]);
    const task = {
      measure: 'hessian-top',
      eigenvalues: 1,
      steps: 40,
      hvp: 'exact',
      space,
    } as const;
    return measured(task, new Map([...loaded.initial, ...moved]));
  };
  const raw = [
    (await at(0.1, 'raw'))[0],
    (await at(1, 'raw'))[0],
    (await at(10, 'raw'))[0],
  ] as number[];
  expect((raw[0] as number) / (raw[1] as number)).toBeGreaterThan(5);
  expect((raw[2] as number) / (raw[1] as number)).toBeGreaterThan(5);
  const row = [await at(0.1, 'row'), await at(10, 'row')] as [number[], number[]];
  row[0].forEach((value, i) =>
    expect(Math.abs(value - (row[1][i] as number))).toBeLessThan(ROUNDING * scaleOf(row[0])),
  );
});

async function measured(
  task: Measures & { space: SpaceName },
  parameters: ParameterMap,
): Promise<number[]> {
  const { model, batch } = loaded;
  const context = await measureCase({ model, parameters, batches: [batch], task });
  const found = await LANDSCAPE[task.measure].measure(context);
  context.coordinates.dispose();
  return numbersOf(found.result);
}

function numbersOf(result: MeasureResult): number[] {
  if (result.kind === 'scalar') return [result.value];
  if (result.kind === 'eigenvalues') return result.values;
  throw new Error('neither a number nor eigenvalues');
}

/** Estimates of a trace may be small beside what they are sums of. */
function scaleOf(values: readonly number[]): number {
  return Math.max(1, ...values.map(Math.abs));
}

/** (B R⁻¹, R A) of every module, R = QD + a shear, of condition number below 30. */
function regauged(seed: number): ParameterMap {
  const moved = loaded.model.modules.flatMap(({ loraA, loraB, rank }, m) => {
    const noise = tf.randomNormal([rank, rank], 0, 1, 'float32', 10 * seed + m);
    const q = tf.linalg.qr(noise as tf.Tensor2D)[0];
    const scales = Array.from({ length: rank }, (_, i) => 3 ** (i - 1));
    const r = tf.mul(q, tf.tensor1d(scales)) as tf.Tensor2D; // Q D
    const inverse = tf.transpose(tf.div(q, tf.tensor1d(scales))) as tf.Tensor2D; // D⁻¹ Qᵀ
    const [a, b] = [loaded.initial.get(loraA), loaded.initial.get(loraB)] as [
      tf.Tensor2D,
      tf.Tensor2D,
    ];
    return [[loraA, tf.matMul(r, a)] as const, [loraB, tf.matMul(b, inverse)] as const];
  });
  return new Map([...loaded.initial, ...moved]);
}
