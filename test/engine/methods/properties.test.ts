import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import type { ParameterMap, TrainableModel } from '../../../src/engine/adapters/trainable-model';
import type { Method } from '../../../src/engine/methods/method';
import { METHOD_FACTORIES } from '../../../src/engine/methods/registry';
import { createOptimizer, type Optimizer } from '../../../src/engine/optim/optimizer';
import { METHOD_NAMES, METHODS, type MethodName } from '../../../src/shared/methods';
import { stepBatches, testConfig, tinyBert } from '../../support/bert-fixture';
import { fastestTested } from '../../support/tested-backends';

const batches = stepBatches();
const config = testConfig({ optimizer: { name: 'adamw', lr: 5e-3 } });

let model: TrainableModel;
let initial: ParameterMap;

beforeAll(async () => {
  await fastestTested();
  ({ model, initial } = await tinyBert());
});

const create = (name: MethodName, on = model): Method =>
  METHOD_FACTORIES[name]({ model: on, config: config.method });

interface Walk {
  readonly method: Method;
  readonly optimizer: Optimizer;
  readonly rho: number;
}

/** Takes the steps `from`..`to` (0-based) and returns the parameters after them. */
async function walk(
  { method, optimizer, rho }: Walk,
  start: ParameterMap,
  [from, to]: [number, number],
): Promise<ParameterMap> {
  let parameters = start;
  for (let i = from; i < to; i++) {
    const microBatches = [batches[i % batches.length] as (typeof batches)[number]];
    const { gradients } = await method.step({ parameters, microBatches, rho, metrics: true });
    const next = optimizer.update(parameters, gradients, config.optimizer.lr);
    tf.dispose([...gradients.values()]);
    if (parameters !== start) tf.dispose([...parameters.values()]);
    parameters = next;
  }
  return parameters;
}

async function values(parameters: ParameterMap): Promise<Map<string, number[]>> {
  const entries = [...parameters].map(
    async ([key, tensor]) => [key, Array.from(await tensor.data())] as const,
  );
  return new Map(await Promise.all(entries));
}

const fresh = (name: MethodName, rho: number): Walk => ({
  method: create(name),
  optimizer: createOptimizer(config.optimizer),
  rho,
});

describe('rho = 0 is plain LoRA, bit for bit', () => {
  it.each(METHOD_NAMES.filter((name) => METHODS[name].perturbs))('%s', async (name) => {
    const plain = await values(await walk(fresh('lora', 0), initial, [0, 4]));
    expect(await values(await walk(fresh(name, 0), initial, [0, 4]))).toEqual(plain);
    expect(await values(await walk(fresh(name, 0.05), initial, [0, 4]))).not.toEqual(plain);
  });
});

describe.each(METHOD_NAMES)('%s', (name) => {
  it('goes on from a saved state as if it had not stopped', async () => {
    const whole = await values(await walk(fresh(name, 0.05), initial, [0, 6]));
    const first = fresh(name, 0.05);
    const middle = await walk(first, initial, [0, 3]);
    const second = fresh(name, 0.05);
    second.method.restoreState(await first.method.saveState());
    second.optimizer.restoreState(await first.optimizer.saveState(), first.optimizer.steps);
    expect(await values(await walk(second, middle, [3, 6]))).toEqual(whole);
  });

  it('leaves the clean weights bit-identical, also when a pass fails', async () => {
    const before = await values(initial);
    let passes = 0;
    const failing: TrainableModel = {
      ...model,
      loss: (...args) => {
        passes += 1;
        // The first step of EFMLoRA is clean, so fail in its second; FMLoRA in its second pass.
        if (passes === 2) throw new Error('device lost');
        return model.loss(...args);
      },
    };
    const method = create(name, failing);
    const input = {
      parameters: initial,
      microBatches: batches.slice(0, 1),
      rho: 0.05,
      metrics: true,
    };
    await method.step(input).catch(() => undefined);
    await method.step(input).catch(() => undefined);
    expect(passes).toBeGreaterThanOrEqual(2);
    expect(await values(initial)).toEqual(before);
  });

  it('keeps no tensors from step to step', async () => {
    const steps = fresh(name, 0.05);
    let parameters = await walk(steps, initial, [0, 2]);
    const { numTensors } = tf.memory();
    for (let i = 2; i < 12; i++) {
      const next = await walk(steps, parameters, [i, i + 1]);
      tf.dispose([...parameters.values()]);
      parameters = next;
    }
    expect(tf.memory().numTensors).toBe(numTensors);
  });
});
