import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LoadedModel } from '../../../src/engine/adapters/load-trainable';
import type { ParameterMap } from '../../../src/engine/adapters/trainable-model';
import type { Batch } from '../../../src/engine/data/batch';
import {
  expectedValues,
  loadReference,
  REFERENCE_MODELS,
  relativeError,
} from '../../support/reference-model';
import { testedBackends } from '../../support/tested-backends';

/** float32 against float64; float32 PyTorch itself is up to 5.7e-6 off (manifest.json). */
const FIRST_ORDER = 1e-5;
/** Two passes of float32. */
const SECOND_ORDER = 1e-4;

describe.each(await testedBackends())('on $name', (backend) => {
  beforeAll(() => backend.start());

  describe.each(REFERENCE_MODELS)('%s', (name) => {
    let loaded: LoadedModel & { batch: Batch };
    let expected: Map<string, Float64Array>;
    beforeAll(async () => {
      loaded = await loadReference(name);
      expected = await expectedValues(name);
    });
    afterAll(() => {
      tf.dispose([...loaded.initial.values()]);
      loaded.model.dispose();
    });
    const reference = (key: string): Float64Array => {
      const values = expected.get(key);
      if (!values) throw new Error(`no ${key} in the fixtures of ${name}`);
      return values;
    };

    it('has exactly the parameters that PEFT trains', () => {
      const trained = [...expected.keys()].flatMap((key) => key.match(/^grad64\.(.*)/)?.[1] ?? []);
      expect([...loaded.initial.keys()].sort()).toEqual(trained.sort());
    });

    it('has the logits and the loss of PEFT', async () => {
      const { model, initial, batch } = loaded;
      const logits = await read(model.logits(initial, batch));
      const kept = realPositions(batch, logits.length);
      expect(relativeError(kept(logits), kept(reference('logits64')))).toBeLessThan(FIRST_ORDER);
      const loss = await read(model.loss(initial, batch));
      expect(relativeError(loss, reference('loss64'))).toBeLessThan(FIRST_ORDER);
    });

    it('has the gradients of PEFT', async () => {
      for (const [key, gradient] of gradients(loaded))
        expect(relativeError(await read(gradient), reference(`grad64.${key}`)), key).toBeLessThan(
          FIRST_ORDER,
        );
    });

    it('has the Hessian-vector product of PyTorch, through a gradient of the gradient', async () => {
      const vectors = new Map<string, tf.Tensor>();
      for (const [key, value] of loaded.initial)
        if (expected.has(`vector.${key}`))
          vectors.set(key, tf.tensor(Float32Array.from(reference(`vector.${key}`)), value.shape));
      const products = hessianVectorProduct(loaded, vectors);
      for (const [key, product] of products)
        expect(relativeError(await read(product), reference(`hvp.${key}`)), key).toBeLessThan(
          SECOND_ORDER,
        );
      tf.dispose([...vectors.values()]);
    });
  });
});

/** Asynchronously, for webgpu has no other way. */
async function read(tensor: tf.Tensor): Promise<Float32Array> {
  const values = (await tensor.data()) as Float32Array;
  tensor.dispose();
  return values;
}

function gradients({ model, initial, batch }: LoadedModel & { batch: Batch }): ParameterMap {
  const keys = [...initial.keys()];
  const grads = tf.grads((...values) => model.loss(mapOf(keys, values), batch))([
    ...initial.values(),
  ]);
  return mapOf(keys, grads);
}

/** Exact, by differentiating ⟨∇L, v⟩ in the parameters that `vectors` names. */
function hessianVectorProduct(
  { model, initial, batch }: LoadedModel & { batch: Batch },
  vectors: ParameterMap,
): ParameterMap {
  const keys = [...vectors.keys()];
  const point = keys.map((key) => initial.get(key) as tf.Tensor);
  const loss = (...values: tf.Tensor[]): tf.Scalar =>
    model.loss(new Map([...initial, ...mapOf(keys, values)]), batch);
  const products = tf.grads((...values) => {
    const inner = tf.grads(loss)(values);
    return keys
      .map((key, i) => tf.sum(tf.mul(inner[i] as tf.Tensor, vectors.get(key) as tf.Tensor)))
      .reduce((a, b) => tf.add(a, b));
  })(point);
  return mapOf(keys, products);
}

function mapOf(keys: readonly string[], values: readonly tf.Tensor[]): Map<string, tf.Tensor> {
  return new Map(keys.map((key, i) => [key, values[i] as tf.Tensor]));
}

/** Masked-LM logits of padding are nobody's business: only real positions are compared. */
function realPositions(batch: Batch, size: number): (logits: ArrayLike<number>) => number[] {
  const width = size / (batch.rows * batch.length);
  return (logits) =>
    Array.from(logits).filter(
      (_, i) => !Number.isInteger(width) || width < 5 || batch.mask[Math.floor(i / width)] === 1,
    );
}
