import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadTrainableModel, type LoadedModel } from '../../../src/engine/adapters/load-trainable';
import type { ParameterMap } from '../../../src/engine/adapters/trainable-model';
import { readSavedAdapter } from '../../../src/engine/formats/flatscape-adapter';
import { openModelDirectory } from '../../../src/engine/formats/model-directory';
import { openSafetensors } from '../../../src/engine/formats/safetensors-read';
import { multiply } from '../../../src/engine/algebra/small-matrix';
import { moduleGrams } from '../../../src/engine/algebra/module-geometry';
import { pointOf } from '../../../src/engine/methods/measure-on-host';
import { FIXTURES, testConfig } from '../../support/bert-fixture';
import { LABELS, readBatch, relativeError } from '../../support/reference-model';
import { testedBackends } from '../../support/tested-backends';

/** float32 against float64; float32 PyTorch itself is up to 4e-6 off (adapters/measured.json). */
const FIRST_ORDER = 1e-5;
/** Two passes of float32. */
const SECOND_ORDER = 1e-4;

const MODEL = `${FIXTURES}/bert-cls/model`;
const batch = readBatch(`${FIXTURES}/bert-cls/batch.json`);

type Expected = ReadonlyMap<string, Float64Array>;

async function expectedOf(name: string): Promise<Expected> {
  const file = await openSafetensors(`${FIXTURES}/adapters/${name}/expected.safetensors`);
  const entries: [string, Float64Array][] = [];
  for (const key of file.tensors.keys()) entries.push([key, (await file.readF64(key)).values]);
  await file.close();
  return new Map(entries);
}

async function load(
  adapter: Record<string, unknown> | undefined,
  initFrom?: string,
  model = MODEL,
): Promise<LoadedModel> {
  const directory = await openModelDirectory(model);
  try {
    return await loadTrainableModel({
      ...{ directory, head: 'classification', labels: LABELS, seed: 1 },
      ...(adapter && { adapter: testConfig({ adapter }).adapter }),
      ...(initFrom !== undefined && { initFrom: await readSavedAdapter(initFrom) }),
    });
  } finally {
    await directory.close();
  }
}

/** The parameters with the values that the fixture has under `prefix`. */
function valuesOf(expected: Expected, like: ParameterMap, prefix: string): Map<string, tf.Tensor> {
  return new Map(
    [...like].map(([key, { shape }]) => {
      const values = expected.get(`${prefix}.${key}`);
      if (!values) throw new Error(`no ${prefix}.${key} in the fixture`);
      return [key, tf.tensor(Float32Array.from(values), shape)];
    }),
  );
}

const CASES: readonly {
  readonly name: string;
  readonly adapter: Record<string, unknown> | undefined;
  /** A saved adapter, or what the fixture calls the values. */
  readonly values: 'adapter' | 'moved' | 'value' | 'initial';
}[] = [
  { name: 'dora', adapter: undefined, values: 'adapter' },
  { name: 'dora-all-linear', adapter: undefined, values: 'adapter' },
  { name: 'pissa', adapter: pairs({ init_lora_weights: 'pissa' }), values: 'moved' },
  {
    name: 'pissa-rslora',
    adapter: pairs({ init_lora_weights: 'pissa', use_rslora: true }),
    values: 'moved',
  },
  { name: 'olora', adapter: pairs({ init_lora_weights: 'olora' }), values: 'moved' },
  {
    name: 'bottleneck-both',
    adapter: { type: 'adapter', size: 8, activation: 'swish', position: 'both' },
    values: 'value',
  },
  {
    name: 'bottleneck-ffn',
    adapter: { type: 'adapter', size: 12, activation: 'gelu', position: 'ffn' },
    values: 'value',
  },
  { name: 'full', adapter: { type: 'full' }, values: 'initial' },
];

function pairs(more: Record<string, unknown>): Record<string, unknown> {
  return { r: 4, lora_alpha: 8, target_modules: ['query', 'value'], ...more };
}

describe.each(await testedBackends())('on $name', (backend) => {
  beforeAll(() => backend.start());

  describe.each(CASES)('$name', ({ name, adapter, values }) => {
    let loaded: LoadedModel;
    let parameters: ParameterMap;
    let expected: Expected;
    beforeAll(async () => {
      expected = await expectedOf(name);
      const saved = values === 'adapter' ? `${FIXTURES}/adapters/${name}/adapter` : undefined;
      loaded = await load(adapter, saved);
      parameters =
        values === 'moved' || values === 'value'
          ? valuesOf(expected, loaded.initial, values)
          : loaded.initial;
    });
    const error = (actual: ArrayLike<number>, key: string): number => {
      const found = expected.get(key);
      if (!found) throw new Error(`no ${key} in the fixture`);
      // A key's bias shifts all scores of a query alike: its gradient is 0 but for rounding.
      if (!key.endsWith('key.bias')) return relativeError(actual, found);
      const scale = expected.get(key.replace('key.bias', 'key.weight')) ?? found;
      return Math.max(...Array.from(actual, Math.abs)) / Math.max(...scale.map(Math.abs));
    };

    it('trains the parameters of the reference', () => {
      const wanted = [...expected.keys()].flatMap((key) => key.match(/^grad64\.(.*)/)?.[1] ?? []);
      expect([...parameters.keys()].sort()).toEqual(wanted.sort());
    });

    it('has its logits, loss and gradients', () => {
      tf.tidy(() => {
        const logits = loaded.model.logits(parameters, batch).dataSync();
        expect(error(logits, 'logits64')).toBeLessThan(FIRST_ORDER);
        const loss = loaded.model.loss(parameters, batch).dataSync();
        expect(error(loss, 'loss64')).toBeLessThan(FIRST_ORDER);
        for (const [key, gradient] of gradients(loaded, parameters))
          expect(error(gradient.dataSync(), `grad64.${key}`), key).toBeLessThan(FIRST_ORDER);
      });
    });

    it('has C = Bᵀ g_B = g_A Aᵀ in every pair, as the perturbations take for granted', async () => {
      const grads = gradients(loaded, parameters);
      for (const module of loaded.model.modules) {
        const point = await pointOf(module, { parameters, gradients: grads });
        const { rank, in: inputs, gradA, loraA } = point;
        const { c0 } = moduleGrams(point);
        const other = multiply(gradA, transpose(loraA, rank, inputs), {
          ...{ rows: rank, inner: inputs, columns: rank },
        });
        expect(relativeError(other, c0)).toBeLessThan(SECOND_ORDER);
      }
      tf.dispose([...grads.values()]);
    });

    it('has the Hessian-vector product of its loss', () => {
      tf.tidy(() => {
        for (const [key, product] of hessianVectorProduct(loaded, parameters, expected))
          expect(error(product.dataSync(), `hvp.${key}`), key).toBeLessThan(SECOND_ORDER);
      });
    });

    it('goes through a checkpoint bit for bit, and predicts the same from it', async () => {
      const folder = await mkdtemp(join(tmpdir(), 'flatscape-kind-'));
      try {
        const tensors = await Promise.all(
          [...parameters].map(async ([key, tensor]) => ({
            ...{ name: key, shape: tensor.shape },
            values: (await tensor.data()) as Float32Array,
          })),
        );
        await loaded.store.save(folder, { tensors, card: 'A card.', base: 'org/base' });
        const back = await loaded.store.restore(folder, parameters);
        for (const { name: key, values } of tensors)
          expect(Array.from(back.get(key)?.dataSync() ?? []), key).toEqual(Array.from(values));
        const again =
          name === 'full'
            ? await load(undefined, undefined, folder)
            : await load(undefined, folder);
        const logits = again.model.logits(again.initial, batch).dataSync();
        expect(error(logits, 'logits64')).toBeLessThan(FIRST_ORDER);
      } finally {
        await rm(folder, { recursive: true });
      }
    });
  });
});

function transpose(m: ArrayLike<number>, rows: number, columns: number): Float64Array {
  return Float64Array.from(
    { length: rows * columns },
    (_, i) => m[(i % rows) * columns + Math.floor(i / rows)] as number,
  );
}

function gradients({ model }: LoadedModel, parameters: ParameterMap): ParameterMap {
  const keys = [...parameters.keys()];
  const grads = tf.grads((...values) => model.loss(mapOf(keys, values), batch))([
    ...parameters.values(),
  ]);
  return mapOf(keys, grads);
}

/** Exact, by differentiating ⟨∇L, v⟩ in the parameters that the fixture has vectors for. */
function hessianVectorProduct(
  { model }: LoadedModel,
  parameters: ParameterMap,
  expected: Expected,
): ParameterMap {
  const keys = [...parameters.keys()].filter((key) => expected.has(`vector.${key}`));
  const point = keys.map((key) => parameters.get(key) as tf.Tensor);
  const vectors = keys.map((key, i) =>
    tf.tensor(Float32Array.from(expected.get(`vector.${key}`) ?? []), point[i]?.shape),
  );
  const loss = (...values: tf.Tensor[]): tf.Scalar =>
    model.loss(new Map([...parameters, ...mapOf(keys, values)]), batch);
  const products = tf.grads((...values) =>
    tf
      .grads(loss)(values)
      .map((inner, i) => tf.sum(tf.mul(inner, vectors[i] as tf.Tensor)))
      .reduce((a, b) => tf.add(a, b)),
  )(point);
  return mapOf(keys, products);
}

function mapOf(keys: readonly string[], values: readonly tf.Tensor[]): Map<string, tf.Tensor> {
  return new Map(keys.map((key, i) => [key, values[i] as tf.Tensor]));
}
