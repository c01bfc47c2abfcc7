import * as tf from '@tensorflow/tfjs-core';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { flopsOf, stepProducts } from '../../../bench/flops';
import { DEFAULT_ADAPTER, LABELS, stepShape, TARGETS, writeModel } from '../../../bench/models';
import { loadTrainableModel } from '../../../src/engine/adapters/load-trainable';
import { makeBatch } from '../../../src/engine/data/batches';
import { openModelDirectory } from '../../../src/engine/formats/model-directory';
import { lossAndGradients } from '../../../src/engine/methods/gradients';
import { configSchema } from '../../../src/shared/config/schema';
import { useCpuBackend } from '../../support/tensorflow-cpu';

/**
 * What the engine may multiply beyond what the benchmark counts: a gradient that nobody needs, such
 * as that of the first block's keys, may be a by-product of one that is needed.
 */
const SURPLUS = 0.05;

const model = {
  ...{ title: 'counted', rows: 3, length: 6 },
  config: {
    ...{ hidden_size: 32, num_hidden_layers: 3, intermediate_size: 48, num_attention_heads: 2 },
    ...{ vocab_size: 50, max_position_embeddings: 16 },
  },
};

let folder: string;

beforeAll(async () => {
  await useCpuBackend();
  folder = await mkdtemp(join(tmpdir(), 'flatscape-products-'));
  await writeModel(folder, model);
});
afterAll(() => rm(folder, { recursive: true }));

it.each([
  { r: 4, targets: 'query, value' },
  { r: 2, targets: 'all six of each block' },
] as const)(
  'the benchmark counts the products that a step multiplies: $targets',
  async (adapter) => {
    const counted = flopsOf(stepProducts(stepShape(model, { ...DEFAULT_ADAPTER, ...adapter })));
    const multiplied = await multipliedBy(adapter);
    expect(multiplied).toBeGreaterThanOrEqual(counted);
    expect(multiplied).toBeLessThanOrEqual((1 + SURPLUS) * counted);
  },
);

/** Operations in the matrix products of one forward and backward pass. */
async function multipliedBy({ r, targets }: { r: number; targets: keyof typeof TARGETS }) {
  const target_modules = [...TARGETS[targets].modules];
  const config = configSchema.parse({
    model: { name_or_path: folder },
    task: { train: 'none' },
    adapter: { r, target_modules },
  });
  const directory = await openModelDirectory(folder);
  const loaded = await loadTrainableModel({
    ...{ directory, head: 'classification', labels: LABELS, adapter: config.adapter, seed: 1 },
  });
  await directory.close();
  const ids = Array.from({ length: model.length }, (_, i) => i + 1);
  const rows = Array.from({ length: model.rows }, () => ({
    ids,
    typeIds: ids.map(() => 0),
    label: 1,
  }));
  const batch = makeBatch(rows, 0);
  let sum = 0;
  const original = tf.getKernel('BatchMatMul', 'cpu');
  tf.unregisterKernel('BatchMatMul', 'cpu');
  tf.registerKernel({
    ...original,
    kernelFunc: (call) => {
      const out = original.kernelFunc(call) as tf.TensorInfo;
      const a = call.inputs['a'] as tf.TensorInfo;
      const inner = call.attrs?.['transposeA'] ? a.shape.at(-2) : a.shape.at(-1);
      sum += 2 * out.shape.reduce((product, n) => product * n, 1) * (inner ?? NaN);
      return out;
    },
  });
  try {
    const { gradients } = await lossAndGradients(loaded.model, loaded.initial, [batch]);
    tf.dispose([...gradients.values()]);
  } finally {
    tf.unregisterKernel('BatchMatMul', 'cpu');
    tf.registerKernel(original);
    tf.dispose([...loaded.initial.values()]);
    loaded.model.dispose();
  }
  return sum;
}
