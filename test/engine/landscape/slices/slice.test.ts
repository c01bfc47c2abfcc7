import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import type { ParameterMap, TrainableModel } from '../../../../src/engine/adapters/trainable-model';
import { innerProduct, norm } from '../../../../src/engine/algebra/small-matrix';
import { openSafetensors } from '../../../../src/engine/formats/safetensors-read';
import { createCoordinates } from '../../../../src/engine/landscape/make-coordinates';
import type { MeasureContext, PointBody } from '../../../../src/engine/landscape/measure';
import { sliceDirections } from '../../../../src/engine/landscape/slices/directions';
import { importedDirection } from '../../../../src/engine/landscape/slices/imported';
import { normalise } from '../../../../src/engine/landscape/slices/normalise';
import { slice1d, slice2d } from '../../../../src/engine/landscape/slices/slice';
import { inspectionEventSchema } from '../../../../src/shared/inspection/events';
import type { SlicePoint } from '../../../../src/shared/inspection/model';
import type { MeasureResult } from '../../../../src/shared/inspection/results';
import { keepNonFinite } from '../../../../src/shared/numbers';
import { FIXTURES, tinyBert } from '../../../support/bert-fixture';
import { loadReference, readBatch, relativeError } from '../../../support/reference-model';
import { sliceContext, type SliceSetting } from '../../../support/slice-context';
import { fastestTested, testedBackends } from '../../../support/tested-backends';

const SLICES = `${FIXTURES}/landscape/slices`;
const SPACES = ['raw', 'row', 'full'] as const;

/** float32 of losses of order 1 against float64: 1e-6 was seen. */
const PER_POINT = 1e-5;
/** Row norms of W, which was read back through float32 products. */
const DIRECTION = 1e-5;

const batches = [readBatch(`${FIXTURES}/bert-cls/batch.json`)];

async function expectedOf(name: string): Promise<ReadonlyMap<string, Float64Array>> {
  const file = await openSafetensors(`${SLICES}/${name}.safetensors`);
  const entries: [string, Float64Array][] = [];
  for (const key of file.tensors.keys()) entries.push([key, (await file.readF64(key)).values]);
  await file.close();
  return new Map(entries);
}

type Surface = Extract<MeasureResult, { kind: 'surface' }>;
type Line = Extract<MeasureResult, { kind: 'line' }>;

async function measure<T extends 'line' | 'surface'>(
  kind: T,
  setting: SliceSetting,
  change: (context: MeasureContext) => MeasureContext = (context) => context,
): Promise<{
  readonly result: Extract<MeasureResult, { kind: T }>;
  readonly emitted: readonly PointBody[];
  readonly notes: readonly string[];
}> {
  const { context, emitted, dispose } = await sliceContext(setting);
  try {
    const slice = kind === 'line' ? slice1d : slice2d;
    const { result, notes = [] } = await slice.measure(change(context));
    return { result: result as Extract<MeasureResult, { kind: T }>, emitted, notes };
  } finally {
    dispose();
  }
}

function furthest(actual: readonly number[], expected: Float64Array): number {
  expect(actual).toHaveLength(expected.length);
  return Math.max(...actual.map((value, i) => Math.abs(value - (expected[i] as number))));
}

/** What a journal keeps of the points, read back. */
function throughJournal(points: readonly PointBody[]): SlicePoint[] {
  return points.map((point, seq) => {
    const event = { ...point, seq, time: 1, type: 'point', task: 0, scope: 'all' };
    const line = JSON.stringify(event, keepNonFinite);
    return inspectionEventSchema.parse(JSON.parse(line)) as unknown as SlicePoint;
  });
}

describe.each(await testedBackends())('on $name', (backend) => {
  let model: TrainableModel;
  let parameters: ParameterMap;
  let expected: ReadonlyMap<string, Float64Array>;
  beforeAll(async () => {
    await backend.start();
    ({ model, initial: parameters } = await tinyBert());
    expected = await expectedOf('expected');
  });

  describe.each(SPACES)('in the space %s', (space) => {
    const task = (more: object = {}) => ({
      ...{ space, directions: 'imported', directions_file: `${SLICES}/${space}.safetensors` },
      ...{ points: 9, ...more },
    });

    it('a surface along imported directions is that of PyTorch, point by point', async () => {
      const { result } = await measure('surface', { model, parameters, batches, task: task() });
      expect(furthest(result.loss, expected.get(`${space}.loss`) as Float64Array)).toBeLessThan(
        PER_POINT,
      );
      expect(
        furthest(result.noise ?? [], expected.get(`${space}.noise`) as Float64Array),
      ).toBeLessThan(PER_POINT);
      expect(result.holes).toBe(0);
    });

    it('a line is the middle of the surface along the other direction', async () => {
      const { result } = await measure('line', { model, parameters, batches, task: task() });
      const surface = expected.get(`${space}.loss`) as Float64Array;
      expect(furthest(result.loss, surface.slice(4 * 9, 5 * 9))).toBeLessThan(PER_POINT);
    });

    it('a filter-normalised direction is that of an independent implementation', async () => {
      const coordinates = await createCoordinates({ space, model, parameters });
      for (const index of [0, 1]) {
        const drawn = await importedDirection(
          `${SLICES}/${space}-drawn.safetensors`,
          index,
          coordinates,
        );
        const scaled = await importedDirection(
          `${SLICES}/${space}.safetensors`,
          index,
          coordinates,
        );
        const actual = await normalise(drawn as Float64Array, coordinates, 'filter');
        expect(relativeError(actual, scaled as Float64Array)).toBeLessThan(DIRECTION);
      }
      coordinates.dispose();
    });
  });
});

describe('a slice', () => {
  let model: TrainableModel;
  let parameters: ParameterMap;
  beforeAll(async () => {
    await fastestTested();
    ({ model, initial: parameters } = await tinyBert());
  });
  const setting = (task: object, more: Partial<SliceSetting> = {}): SliceSetting => ({
    ...{ model, parameters, batches },
    task: { points: 7, extent: 0.5, ...task },
    ...more,
  });

  describe.each([
    { task: { directions: 'random' }, kind: 'surface' },
    { task: { directions: 'gradient' }, kind: 'surface' },
    { task: { directions: 'eigenvectors', hvp: 'exact' }, kind: 'line' },
    { task: { directions: 'random', refine: false }, kind: 'line' },
  ] as const)('$kind along $task.directions', ({ task, kind }) => {
    it('equals an uninterrupted one bit for bit when it was stopped and resumed', async () => {
      const whole = await measure(kind, setting(task));
      for (const stopAfter of [1, 3, Math.floor(whole.emitted.length / 2)]) {
        const seen: PointBody[] = [];
        const stop = (): void => {
          if (seen.length >= stopAfter) throw new Error('stopped');
        };
        const onPoint = (point: PointBody): void => void seen.push(point);
        await expect(measure(kind, setting(task, { onPoint, onPass: stop }))).rejects.toThrow(
          'stopped',
        );
        expect(seen).toHaveLength(stopAfter);
        const resumed = await measure(kind, setting(task, { points: throughJournal(seen) }));
        expect(resumed.result).toEqual(whole.result);
        expect(resumed.emitted).toEqual(whole.emitted.slice(stopAfter));
      }
    });
  });

  it('leaves weights and tensors as they were, also when it is stopped', async () => {
    const before = await Promise.all([...parameters.values()].map((t) => t.data()));
    const copies = before.map((values) => Array.from(values));
    const { numTensors } = tf.memory();
    for (const directions of ['random', 'gradient', 'eigenvectors']) {
      await measure('surface', setting({ directions, space: 'full', points: 3, hvp: 'exact' }));
      expect(tf.memory().numTensors).toBe(numTensors);
      let passes = 0;
      const onPass = (): void => {
        if (++passes > 4) throw new Error('stopped');
      };
      const task = { directions, points: 5, hvp: 'difference' };
      await expect(measure('surface', setting(task, { onPass }))).rejects.toThrow('stopped');
      expect(tf.memory().numTensors).toBe(numTensors);
    }
    const after = await Promise.all([...parameters.values()].map((t) => t.data()));
    expect(after.map((values) => Array.from(values))).toEqual(copies);
  });

  it('counts points without a finite loss, and shows them as holes', async () => {
    let calls = 0;
    const { result, emitted, notes } = await measure(
      'surface',
      setting({ points: 5 }),
      (context) => ({
        ...context,
        objective: {
          ...context.objective,
          exampleLosses: async (at) => {
            const losses = await context.objective.exampleLosses(at);
            const bad = [NaN, Infinity][calls++ % 5];
            return bad === undefined ? losses : losses.fill(bad, 0, 1);
          },
        },
      }),
    );
    expect(result.holes).toBe(10);
    expect(result.loss.filter((loss) => Number.isNaN(loss))).toHaveLength(10);
    expect(result.loss.some((loss) => loss === Infinity)).toBe(false);
    expect(notes.join()).toContain('10 points');
    // A journal keeps holes as holes: a resumed slice does not try them again.
    const resumed = await measure(
      'surface',
      setting({ points: 5 }, { points: throughJournal(emitted) }),
    );
    expect(resumed.emitted).toEqual([]);
    expect(resumed.result).toEqual(result);
  });

  it('shows a coarse picture first: 25 points of level 0, then the others', async () => {
    const { emitted } = await measure('surface', setting({ points: 9 }));
    expect(emitted.map(({ level }) => level)).toEqual([
      ...Array.from({ length: 25 }, () => 0),
      ...Array.from({ length: 56 }, () => 1),
    ]);
  });

  it('has at its middle the loss of the weights, whatever the loss averages', async () => {
    const masked = await loadReference('bert-mlm');
    const { result } = await measure('line', {
      ...setting({ points: 5 }),
      ...{ model: masked.model, parameters: masked.initial, batches: [masked.batch] },
    });
    const loss = tf.tidy(() => masked.model.loss(masked.initial, masked.batch));
    expect((result satisfies Line).loss[2]).toBe((await loss.data())[0]);
    loss.dispose();
  });

  it('of one layer is the same with and without the blocks before it', async () => {
    const owners = (owner: string): boolean => owner.includes('layer.1.');
    const task = { directions: 'random' };
    const passing = await measure('surface', setting(task, { owners }));
    const plain = { ...model, depthOf: () => 0 };
    const whole = await measure('surface', { ...setting(task, { owners }), model: plain });
    expect((whole.result satisfies Surface).loss).toEqual(passing.result.loss);
  });
});

describe('the directions of a slice', () => {
  let model: TrainableModel;
  let parameters: ParameterMap;
  beforeAll(async () => {
    await fastestTested();
    ({ model, initial: parameters } = await tinyBert());
  });
  async function directions<T>(
    task: object,
    check: (vectors: readonly Float64Array[], context: MeasureContext) => Promise<T> | T,
    owners?: (owner: string) => boolean,
  ): Promise<T> {
    const setting = { model, parameters, batches, task: { ...task }, ...(owners && { owners }) };
    const { context, dispose } = await sliceContext(setting);
    try {
      return await check((await sliceDirections(context, 2)).vectors, context);
    } finally {
      dispose();
    }
  }
  const cosine = (p: Float64Array, q: Float64Array): number =>
    innerProduct(p, q) / (norm(p) * norm(q));

  it.each(['random', 'gradient', 'eigenvectors'])('%s: the second is orthogonal', async (name) => {
    await directions({ directions: name, steps: 60, hvp: 'exact' }, ([d, e]) => {
      expect(Math.abs(cosine(d as Float64Array, e as Float64Array))).toBeLessThan(1e-9);
    });
  });

  it('random: a function of the seed, and a layer’s own part of those of all layers', async () => {
    const at = (seed: number, owners?: (owner: string) => boolean) =>
      directions({ normalize: 'none', seed }, ([d]) => Array.from(d as Float64Array), owners);
    const all = await at(3);
    expect(await at(3)).toEqual(all);
    expect(await at(4)).not.toEqual(all);
    const one = await at(3, (owner) => owner.includes('layer.1.attention.self.query'));
    expect(all.join()).toContain(one.join());
  });

  it('random: each row has the norm of its row of W (filter), each tensor its own (layer)', async () => {
    await directions({ space: 'full', normalize: 'filter' }, async ([d], { coordinates }) => {
      const w = await coordinates.values();
      const [block] = coordinates.blocks;
      const width = block?.shape[1] as number;
      for (const row of [0, 5])
        expect(norm((d as Float64Array).subarray(row * width, (row + 1) * width))).toBeCloseTo(
          norm(w.subarray(row * width, (row + 1) * width)),
          8,
        );
    });
    await directions({ space: 'trainable', normalize: 'layer' }, async ([d], { coordinates }) => {
      const w = await coordinates.values();
      for (const { offset, size } of coordinates.blocks)
        expect(norm((d as Float64Array).subarray(offset, offset + size))).toBeCloseTo(
          norm(w.subarray(offset, offset + size)),
          8,
        );
    });
  });

  it('filter: what has one dimension does not move', async () => {
    await directions({ space: 'trainable', normalize: 'filter' }, ([d], { coordinates }) => {
      const vectors = coordinates.blocks.filter(({ shape }) => shape.length === 1);
      expect(vectors.length).toBeGreaterThan(0);
      for (const { offset, size } of vectors)
        expect(norm((d as Float64Array).subarray(offset, offset + size))).toBe(0);
    });
  });

  it('gradient: of norm 1, along it the loss climbs as steeply as the gradient is long', async () => {
    await directions({ directions: 'gradient' }, async ([d], { coordinates, objective }) => {
      expect(norm(d as Float64Array)).toBeCloseTo(1, 12);
      const { gradients } = await objective.gradient(coordinates.base, coordinates.keys);
      const gradient = await coordinates.pull(gradients);
      tf.dispose([...gradients.values()]);
      expect(innerProduct(gradient, d as Float64Array)).toBeCloseTo(norm(gradient), 10);
    });
  });

  it('eigenvectors: those of the largest eigenvalues, of norm 1', async () => {
    const task = { directions: 'eigenvectors', steps: 80, tolerance: 1e-4, hvp: 'exact' };
    await directions(task, async (vectors, { coordinates, objective }) => {
      const values: number[] = [];
      for (const v of vectors) {
        const push = coordinates.push(v);
        const product = await objective.hessianProduct(coordinates.base, push);
        const hv = await coordinates.pull(product);
        tf.dispose([...push.values(), ...product.values()]);
        const value = innerProduct(v, hv);
        expect(norm(hv.map((x, i) => x - value * (v[i] as number)))).toBeLessThan(1e-3 * value);
        expect(norm(v)).toBeCloseTo(1, 10);
        values.push(value);
      }
      expect(values[0] as number).toBeGreaterThan(values[1] as number);
    });
  });

  it('with B = 0: refused where they would be 0, with the way out, and given where W has a scale', async () => {
    const fresh = await tinyBert('steps/from-zero-adapter');
    const at = (space: string) =>
      measure('line', {
        ...{ model: fresh.model, parameters: fresh.initial, batches },
        task: { space, points: 3 },
      });
    await expect(at('raw')).rejects.toMatchObject({
      code: 'direction-zero',
      remedy: expect.stringContaining('`row` or `full`') as string,
    });
    for (const space of ['row', 'full']) {
      const { result } = await at(space);
      expect(result.norms[0]).toBeGreaterThan(1);
      expect(new Set(result.loss).size).toBe(3);
    }
  });

  it.each([
    { task: { directions: 'imported' }, code: 'directions-file-missing' },
    {
      task: { directions: 'imported', directions_file: `${SLICES}/row.safetensors`, space: 'raw' },
      code: 'tensor-missing',
    },
    {
      task: {
        ...{ directions: 'imported', space: 'raw' },
        directions_file: `${FIXTURES}/bert-cls/adapter/adapter_model.safetensors`,
      },
      code: 'tensor-missing',
    },
  ])('a file that does not fit is refused: $code', async ({ task, code }) => {
    await expect(directions(task, () => undefined)).rejects.toMatchObject({ code });
  });
});
