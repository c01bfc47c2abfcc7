import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import type { ParameterMap, TrainableModel } from '../../../src/engine/adapters/trainable-model';
import { openSafetensors } from '../../../src/engine/formats/safetensors-read';
import { lossAndGradients } from '../../../src/engine/methods/gradients';
import {
  createAdapterOptimizer,
  type AdapterOptimizer,
} from '../../../src/engine/optim/adapter-optimizer';
import { FIXTURES, stepBatches, testConfig, tinyBert } from '../../support/bert-fixture';
import { relativeError } from '../../support/reference-model';
import { testedBackends } from '../../support/tested-backends';

/** Five float32 steps against float64, as in steps.test.ts. */
const PARAMETER_TOLERANCE = 1e-4;

const batches = stepBatches();
const KINDS = [
  ['loraplus', { loraplus_lr_ratio: 4 }],
  ['lorafa', { lorafa: true }],
] as const;

function optimizerFor(model: TrainableModel, settings: object): AdapterOptimizer {
  const { optimizer } = testConfig({ optimizer: { name: 'adamw', lr: 5e-3, ...settings } });
  return createAdapterOptimizer(optimizer, model.modules);
}

async function step(
  model: TrainableModel,
  optimizer: AdapterOptimizer,
  parameters: ParameterMap,
  index: number,
): Promise<ParameterMap> {
  const batch = batches[index] as (typeof batches)[number];
  const { gradients } = await lossAndGradients(model, parameters, [batch]);
  await optimizer.prepare(parameters);
  const trained = optimizer.trained(gradients);
  const next = optimizer.update(parameters, trained, 5e-3);
  tf.dispose([...trained.values()]);
  return next;
}

const values = async (parameters: ParameterMap) =>
  Promise.all([...parameters].map(async ([key, t]) => [key, Array.from(await t.data())] as const));

describe.each(await testedBackends())('on $name', (backend) => {
  beforeAll(() => backend.start());

  describe.each(KINDS)('%s', (name, settings) => {
    it('follows PyTorch for five steps', async () => {
      const { model, initial } = await tinyBert();
      const optimizer = optimizerFor(model, settings);
      const file = await openSafetensors(`${FIXTURES}/adapters/${name}/float64.safetensors`);
      let parameters = initial;
      for (let i = 0; i < 5; i++) {
        parameters = await step(model, optimizer, parameters, i);
        for (const [key, actual] of await values(parameters)) {
          const all = (await file.readF64(`param.${key}`)).values;
          const expected = all.subarray(i * actual.length, (i + 1) * actual.length);
          expect(relativeError(actual, expected), `${key} after ${i + 1}`).toBeLessThan(
            PARAMETER_TOLERANCE,
          );
        }
      }
      await file.close();
    });

    it('goes on from a saved state as if it had not stopped, and keeps no tensors', async () => {
      const { model, initial } = await tinyBert();
      const whole = optimizerFor(model, settings);
      let parameters = initial;
      const first = optimizerFor(model, settings);
      let other = initial;
      for (let i = 0; i < 3; i++) {
        parameters = await step(model, whole, parameters, i);
        other = await step(model, first, other, i);
      }
      const second = optimizerFor(model, settings);
      second.restoreState(await first.saveState(), first.steps);
      expect([...(await second.saveState()).keys()].sort()).toEqual(
        [...(await first.saveState()).keys()].sort(),
      );
      other = await step(model, second, other, 3);
      const { numTensors } = tf.memory();
      const last = await step(model, whole, parameters, 3);
      tf.dispose([...parameters.values()]);
      expect(tf.memory().numTensors).toBe(numTensors);
      expect(await values(other)).toEqual(await values(last));
    });
  });

  it('LoRA-FA leaves A bit for bit as it was', async () => {
    const { model, initial } = await tinyBert();
    const next = await step(model, optimizerFor(model, { lorafa: true }), initial, 0);
    for (const { loraA, loraB } of model.modules) {
      expect(next.get(loraA)?.dataSync()).toEqual(initial.get(loraA)?.dataSync());
      expect(next.get(loraB)?.dataSync()).not.toEqual(initial.get(loraB)?.dataSync());
    }
  });
});
