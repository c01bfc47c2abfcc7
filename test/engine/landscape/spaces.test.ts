import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import type { TrainableModel } from '../../../src/engine/adapters/trainable-model';
import { loadTrainableModel } from '../../../src/engine/adapters/load-trainable';
import { openModelDirectory } from '../../../src/engine/formats/model-directory';
import type { Coordinates } from '../../../src/engine/landscape/coordinates';
import { createCoordinates } from '../../../src/engine/landscape/make-coordinates';
import { createObjective, movedBy } from '../../../src/engine/landscape/objective';
import { gaussian } from '../../../src/engine/landscape/random-vectors';
import { innerProduct, norm } from '../../../src/engine/algebra/small-matrix';
import { disposeAll } from '../../../src/engine/methods/tensor-map';
import { SPACE_NAMES } from '../../../src/shared/inspection/spaces';
import { FIXTURES, stepBatches, testConfig, tinyBert } from '../../support/bert-fixture';
import { LABELS } from '../../support/reference-model';
import { fastestTested } from '../../support/tested-backends';

/** Two sums of float32 numbers in different orders, relative to their size. */
const ROUNDING = 1e-5;

const batches = stepBatches().slice(0, 2);
let model: TrainableModel;
let parameters: ReadonlyMap<string, tf.Tensor>;

beforeAll(async () => {
  await fastestTested();
  ({ model, initial: parameters } = await tinyBert());
});

const draw = ({ blocks }: Coordinates, index: number) => gaussian(blocks, { seed: 5, index });

describe('coordinates', () => {
  it.each(SPACE_NAMES)('of %s have pull as the transpose of push', async (space) => {
    const at = await createCoordinates({ space, model, parameters });
    const x = draw(at, 0);
    const step = at.push(x);
    const g = new Map([...step].map(([key, { shape }]) => [key, tf.randomNormal(shape)]));
    const products = [...step].map(([key, e]) => tf.sum(tf.mul(e, g.get(key) as tf.Tensor)));
    let inner = 0;
    for (const product of products) inner += (await product.data())[0] as number;
    const pulled = await at.pull(g);
    expect(Math.abs(inner - innerProduct(x, pulled))).toBeLessThan(
      ROUNDING * norm(x) * norm(pulled),
    );
    expect(pulled.length).toBe(at.dimension);
    at.dispose();
  });

  it.each(SPACE_NAMES)('of %s move the loss by ⟨x, ∇⟩ to first order', async (space) => {
    const at = await createCoordinates({ space, model, parameters });
    const objective = createObjective({ model, batches });
    const { gradients } = await objective.gradient(at.base, at.keys);
    const pulled = await at.pull(gradients);
    const h = 1e-2 / norm(pulled);
    const rise = async (factor: number) => {
      const moved = movedBy(at.base, at.push(pulled.map((g) => factor * h * g)));
      const loss = await objective.loss(moved.parameters);
      moved.dispose();
      return loss;
    };
    const slope = ((await rise(1)) - (await rise(-1))) / (2 * h);
    // Truncation of a step of 0.01, and float32 losses 1e-2·‖g‖ apart.
    expect(slope / norm(pulled) ** 2).toBeCloseTo(1, 2);
    at.dispose();
  });

  it('of the row space are orthonormal: ‖X‖ is the distance in W', async () => {
    const at = await createCoordinates({ space: 'row', model, parameters });
    const x = draw(at, 1);
    const step = at.push(x);
    for (const [i, { loraA, loraB, scaling }] of model.modules.entries()) {
      const { offset, size } = at.blocks[i] as Coordinates['blocks'][number];
      const change = tf.mul(
        tf.matMul(step.get(loraB) as tf.Tensor2D, parameters.get(loraA) as tf.Tensor2D),
        scaling,
      );
      const distance = (await tf.norm(change).data())[0] as number;
      expect(distance / norm(x.subarray(offset, offset + size))).toBeCloseTo(1, 5);
    }
  });

  it('of full W hold the merged weight, and adding to them is adding to B', async () => {
    const at = await createCoordinates({ space: 'full', model, parameters });
    const values = await at.values();
    const expected = await mergedBy(model, parameters);
    at.blocks.forEach(({ owner, offset, size }) => {
      const merged = expected.get(owner) as Float64Array;
      const found = values.subarray(offset, offset + size);
      expect(norm(found.map((w, i) => w - (merged[i] as number))) / norm(merged)).toBeLessThan(
        ROUNDING,
      );
    });
    const row = await createCoordinates({ space: 'row', model, parameters });
    const x = draw(row, 2);
    const objective = createObjective({ model, batches });
    const step = row.push(x);
    const changes = new Map(
      model.modules.map(({ path, loraA, loraB, scaling }) => {
        const e = step.get(loraB) as tf.Tensor2D;
        return [
          `noise.${path}`,
          tf.mul(tf.matMul(e, parameters.get(loraA) as tf.Tensor2D), scaling),
        ];
      }),
    );
    const inB = await objective.loss(movedBy(row.base, step).parameters);
    const inW = await objective.loss(movedBy(at.base, changes).parameters);
    expect(inW).toBeCloseTo(inB, 5);
    at.dispose();
  });

  it('of full W move any frozen linear, and the head where it is trained', async () => {
    const directory = await openModelDirectory(`${FIXTURES}/bert-cls/model`);
    const { adapter } = testConfig({ adapter: { type: 'head' } });
    const loaded = await loadTrainableModel({
      ...{ directory, head: 'classification', labels: LABELS, adapter, seed: 0 },
    });
    await directory.close();
    const at = await createCoordinates({
      space: 'full',
      model: loaded.model,
      parameters: loaded.initial,
    });
    expect(at.blocks.map(({ owner }) => owner)).toEqual(
      loaded.model.linears.map(({ path }) => path),
    );
    expect(at.keys).toContain('base_model.model.classifier.weight');
    const objective = createObjective({ model: loaded.model, batches });
    const { gradients } = await objective.gradient(at.base, at.keys);
    for (const { offset, size, owner } of at.blocks) {
      const pulled = (await at.pull(gradients)).subarray(offset, offset + size);
      expect(norm(pulled), owner).toBeGreaterThan(1e-6);
    }
    at.dispose();
    loaded.model.dispose();
  });

  it('move one module alone once restricted to it, with numbers of the same draw', async () => {
    const all = await createCoordinates({ space: 'full', model, parameters });
    const [, block] = all.blocks;
    if (!block) throw new Error('there is one module');
    const one = all.restrict(block.owner, [block]);
    expect(one.dimension).toBe(block.size);
    expect(one.keys).toEqual([block.key]);
    expect([...one.base.keys()].filter((key) => key.startsWith('noise.'))).toEqual([block.key]);
    expect(draw(one, 3)).toEqual(draw(all, 3).subarray(block.offset, block.offset + block.size));
    all.dispose();
  });

  it('take a pair of lower rank than r for what it is', async () => {
    const [first] = model.modules;
    if (!first) throw new Error('there is one module');
    const a = (await (parameters.get(first.loraA) as tf.Tensor).array()) as number[][];
    const flat = [a[0], a[1], a[0], a[1]?.map((v, i) => v + 2 * (a[0]?.[i] ?? 0))] as number[][];
    const changed = new Map([...parameters, [first.loraA, tf.tensor2d(flat)]]);
    const at = await createCoordinates({ space: 'row', model, parameters: changed });
    expect(at.blocks[0]?.shape).toEqual([first.out, 2]);
    const x = draw(at, 4);
    const step = at.push(x).get(first.loraB) as tf.Tensor2D;
    const change = tf.mul(tf.matMul(step, tf.tensor2d(flat)), first.scaling);
    const size = at.blocks[0]?.size as number;
    expect(((await tf.norm(change).data())[0] as number) / norm(x.subarray(0, size))).toBeCloseTo(
      1,
      5,
    );
  });

  it('refuse the row space of DoRA, and of a model without pairs', async () => {
    const [first] = model.modules;
    const dora = { ...model, modules: [{ ...first, magnitude: 'm' }] } as TrainableModel;
    const refused = { code: 'measure-unsupported' };
    await expect(
      createCoordinates({ space: 'row', model: dora, parameters }),
    ).rejects.toMatchObject(refused);
    const bare = { ...model, modules: [] };
    for (const space of ['row', 'raw'] as const)
      await expect(createCoordinates({ space, model: bare, parameters })).rejects.toMatchObject(
        refused,
      );
  });

  it.each(SPACE_NAMES)('of %s leave no tensor behind', async (space) => {
    const { numTensors } = tf.memory();
    const at = await createCoordinates({ space, model, parameters });
    const moved = movedBy(at.base, at.push(draw(at, 0)));
    const { gradients } = await createObjective({ model, batches }).gradient(
      moved.parameters,
      at.keys,
    );
    await at.pull(gradients);
    await at.values();
    disposeAll(gradients);
    moved.dispose();
    at.dispose();
    expect(tf.memory().numTensors).toBe(numTensors);
  });
});

/** W0 + sBA by module path, by products on the device. */
async function mergedBy(
  { modules, frozenProduct }: TrainableModel,
  at: ReadonlyMap<string, tf.Tensor>,
): Promise<Map<string, Float64Array>> {
  const merged = new Map<string, Float64Array>();
  for (const { path, in: width, loraA, loraB, scaling } of modules) {
    const [a, b] = [at.get(loraA), at.get(loraB)] as [tf.Tensor2D, tf.Tensor2D];
    const w0 = tf.transpose(frozenProduct(path, tf.eye(width)));
    const sum = tf.add(w0, tf.mul(tf.matMul(b, a), scaling));
    merged.set(path, Float64Array.from(await sum.data()));
  }
  return merged;
}
