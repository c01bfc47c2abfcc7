import * as tf from '@tensorflow/tfjs-core';
import { expect, it } from 'vitest';
import type { Backend } from '../../../src/engine/backends/backend';
import { BACKENDS } from '../../../src/engine/backends/registry';
import { loadReference, relativeError } from '../../support/reference-model';
import { testedBackends } from '../../support/tested-backends';

/** The bound that the comparison of runs relies on; measured on larger models: 1.5e-6. */
const AGREEMENT = 2e-5;

it('all backends compute the same loss and gradients of one BERT step', async () => {
  const reference = await stepOn(BACKENDS.cpu);
  for (const backend of await testedBackends()) {
    const step = await stepOn(backend);
    for (const [key, values] of reference)
      expect(relativeError(step.get(key) ?? [], values), `${backend.name}: ${key}`).toBeLessThan(
        AGREEMENT,
      );
  }
});

async function stepOn(backend: Backend): Promise<Map<string, ArrayLike<number>>> {
  await backend.start();
  const { model, initial, batch } = await loadReference('bert-cls-all-linear');
  const keys = [...initial.keys()];
  const { value, grads } = tf.valueAndGrads((...point: tf.Tensor[]) =>
    model.loss(new Map(keys.map((key, i) => [key, point[i] as tf.Tensor])), batch),
  )([...initial.values()]);
  const found = new Map<string, ArrayLike<number>>([['loss', await value.data()]]);
  for (const [i, key] of keys.entries()) found.set(key, await (grads[i] as tf.Tensor).data());
  tf.dispose([value, ...grads, ...initial.values()]);
  model.dispose();
  return found;
}
