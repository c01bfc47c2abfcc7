import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { noiseKey } from '../../../src/engine/adapters/extra-terms';
import type {
  AdaptedModule,
  ParameterMap,
  TrainableModel,
} from '../../../src/engine/adapters/trainable-model';
import type { Batch } from '../../../src/engine/data/batch';
import { selectRows } from '../../../src/engine/data/select-rows';
import { sigmaAt } from '../../../src/engine/methods/flat-lora';
import { lossAndGradients } from '../../../src/engine/methods/gradients';
import { METHOD_FACTORIES } from '../../../src/engine/methods/registry';
import { ascentAlong } from '../../../src/engine/methods/sam';
import { pickTensors } from '../../../src/engine/methods/tensor-map';
import { unreadMethodKeys } from '../../../src/shared/config/method-schema';
import { METHOD_NAMES } from '../../../src/shared/methods';
import { stepBatches, testConfig, tinyBert } from '../../support/bert-fixture';
import { relativeError } from '../../support/reference-model';
import { fastestTested } from '../../support/tested-backends';

/** Float32: sums of the same numbers in another order. */
const ROUNDING = 2e-6;

let model: TrainableModel;
let initial: ParameterMap;
const batches = stepBatches();

beforeAll(async () => {
  await fastestTested();
  ({ model, initial } = await tinyBert());
});

/** Update gradients of the first steps of a method, at the start weights. */
async function gradientsOf(
  fields: Record<string, unknown>,
  { steps = 1, micro = [batches[0] as Batch] } = {},
): Promise<number[][]> {
  const config = testConfig({ method: fields }).method;
  const method = METHOD_FACTORIES[config.name]({ model, config });
  const result: number[][] = [];
  for (let step = 1; step <= steps; step++) {
    const { gradients } = await method.step({
      parameters: initial,
      microBatches: step % 2 ? micro : [batches[1] as Batch],
      rho: config.rho,
      metrics: false,
      at: { step, totalSteps: 10, lr: 0.1, seed: 5 },
    });
    const all = await Promise.all([...gradients.values()].map((g) => g.data()));
    result.push(all.flatMap((values) => Array.from(values)));
  }
  return result;
}

const SAM = { name: 'sam', rho: 0.05 };

describe('a method whose own option is off is SAM', () => {
  it.each([
    ['gsam, alpha 0', { name: 'gsam', gsam_alpha: 0 }],
    ['f-sam, sigma 0', { name: 'f-sam', fsam_sigma: 0 }],
    ['looksam, k 1', { name: 'looksam', looksam_k: 1 }],
    ['flatpo, all tensors', { name: 'flatpo', flatpo_fraction: 1, flatpo_denominator: 'selected' }],
    ['esam, all tensors and examples', { name: 'esam', esam_beta: 1, esam_gamma: 1 }],
    [
      'gam, beta_1 1, gamma 0, at rho′',
      { name: 'gam', gam_rho_prime: 0.05, gam_beta_1: 1, gam_gamma: 0 },
    ],
  ])('%s', async (_label, fields) => {
    const expected = await gradientsOf(SAM, { steps: 3 });
    const actual = await gradientsOf({ rho: 0.05, ...fields }, { steps: 3 });
    actual.forEach((g, i) =>
      expect(relativeError(g, expected[i] as number[])).toBeLessThan(ROUNDING),
    );
  });

  it('and looksam with alpha 0 is plain training in between', async () => {
    const [, plain] = await gradientsOf({ name: 'none' }, { steps: 2 });
    const [, between] = await gradientsOf({ name: 'looksam', looksam_alpha: 0 }, { steps: 2 });
    expect(between).toEqual(plain);
  });
});

describe('names and conventions', () => {
  it('lora is none', async () => {
    expect(await gradientsOf({ name: 'lora' })).toEqual(await gradientsOf({ name: 'none' }));
  });
  it('ema_convention momentum with beta is paper with 1 − beta', async () => {
    const steps = { steps: 4 };
    const paper = { name: 'efmlora', beta: 0.25, ema_convention: 'paper' };
    const momentum = { name: 'efmlora', beta: 0.75, ema_convention: 'momentum' };
    expect(await gradientsOf(momentum, steps)).toEqual(await gradientsOf(paper, steps));
    const other = { ...momentum, beta: 0.25 };
    expect(await gradientsOf(other, steps)).not.toEqual(await gradientsOf(paper, steps));
  });
  it('a method has its published defaults, unless something is written', () => {
    expect(testConfig({ method: { name: 'asam' } }).method.rho).toBe(0.5);
    expect(testConfig({ method: { name: 'asam', rho: 0.1 } }).method.rho).toBe(0.1);
    expect(testConfig({ method: { name: 'gsam' } }).method.rho_schedule).toBe('lr_proportional');
    expect(testConfig().method.rho_schedule).toBe('cosine');
  });
  it('points out a key that the method does not read, and no default', () => {
    for (const name of METHOD_NAMES)
      expect(unreadMethodKeys(testConfig({ method: { name } }).method)).toEqual([]);
    const config = testConfig({ method: { name: 'sam', ball: 'separate', beta: 0.5, sigma: 1 } });
    expect(unreadMethodKeys(config.method)).toEqual(['beta', 'sigma']);
  });
});

describe('accumulation', () => {
  const [first, second] = batches as [Batch, Batch];
  it('per_micro is whole for one micro-batch, and another thing for two', async () => {
    const perMicro = { ...SAM, accum: 'per_micro' };
    expect(await gradientsOf(perMicro)).toEqual(await gradientsOf(SAM));
    const two = { micro: [first, second] };
    expect(await gradientsOf(perMicro, two)).not.toEqual(await gradientsOf(SAM, two));
  });
  it('the noise of flat-lora is one for all micro-batches', async () => {
    const method = { name: 'flat-lora', sigma_schedule: 'constant' };
    const [whole] = await gradientsOf(method, { micro: [first, second] });
    const [a] = await gradientsOf(method, { micro: [first] });
    const [b] = await gradientsOf(method, { micro: [second] });
    const mean = (a as number[]).map((v, i) => (v + ((b as number[])[i] as number)) / 2);
    expect(relativeError(whole as number[], mean)).toBeLessThan(ROUNDING);
  });
});

describe('the noise of flat-lora', () => {
  it('has deviation σ_t‖W′_i‖/√m in each row, and is new at every step', async () => {
    const module = model.modules[0] as AdaptedModule;
    const drawn = async (step: number): Promise<Float32Array> => {
      const config = testConfig({
        method: { name: 'flat-lora', sigma: 0.3, sigma_schedule: 'constant' },
      }).method;
      let seen: Float32Array | undefined;
      const watching: TrainableModel = {
        ...model,
        loss: (parameters, ...rest) => {
          seen ??= parameters.get(noiseKey(module.path))?.dataSync() as Float32Array;
          return model.loss(parameters, ...rest);
        },
      };
      await METHOD_FACTORIES['flat-lora']({ model: watching, config }).step({
        ...{ parameters: initial, microBatches: batches.slice(0, 1), rho: 0, metrics: false },
        at: { step, totalSteps: 10, lr: 0.1, seed: 5 },
      });
      return seen as Float32Array;
    };
    const noise = await drawn(1);
    expect(await drawn(1)).toEqual(noise);
    expect(await drawn(2)).not.toEqual(noise);

    const [a, b] = [initial.get(module.loraA), initial.get(module.loraB)] as tf.Tensor2D[];
    const w0 = tf.transpose(model.frozenProduct(module.path, tf.eye(module.in)));
    const w = tf.add(w0, tf.mul(tf.matMul(b as tf.Tensor2D, a as tf.Tensor2D), module.scaling));
    const norms = tf.norm(w, 2, 1).dataSync();
    const standard = Array.from(
      noise,
      (v, i) => v / ((0.3 * (norms[Math.floor(i / module.in)] as number)) / Math.sqrt(module.in)),
    );
    const mean = standard.reduce((sum, v) => sum + v, 0) / standard.length;
    const variance = standard.reduce((sum, v) => sum + v * v, 0) / standard.length;
    // 1024 numbers: standard errors 0.031 and 0.044.
    expect(Math.abs(mean)).toBeLessThan(0.15);
    expect(Math.abs(variance - 1)).toBeLessThan(0.2);
  });
  it('rises from nearly 0 to σ over the run', () => {
    const config = testConfig({ method: { name: 'flat-lora', sigma: 0.1 } }).method;
    expect(sigmaAt(config, { step: 1, totalSteps: 1000 })).toBeLessThan(1e-6);
    expect(sigmaAt(config, { step: 500, totalSteps: 1000 })).toBeCloseTo(0.05, 12);
    expect(sigmaAt(config, { step: 1000, totalSteps: 1000 })).toBeCloseTo(0.1, 12);
  });
});

describe('losses of single examples', () => {
  it('have the loss of the batch as their mean, and do not depend on their neighbours', () => {
    const batch = batches[0] as Batch;
    const each = model.exampleLosses(initial, batch).dataSync() as Float32Array;
    const mean = each.reduce((sum, loss) => sum + loss, 0) / batch.rows;
    expect(mean).toBeCloseTo(model.loss(initial, batch).dataSync()[0] as number, 5);
    const alone = model.loss(initial, selectRows(batch, [2])).dataSync()[0] as number;
    expect(alone).toBeCloseTo(each[2] as number, 5);
  });
});

describe('a change of basis (B, A) → (BR⁻¹, RA) of one module', () => {
  /** What the perturbation of the first module is in W: s((B + E_B)(A + E_A) − BA). */
  async function changeInW(method: 'sam' | 'fmlora', at: ParameterMap): Promise<number[]> {
    const { loraA, loraB, scaling } = model.modules[0] as AdaptedModule;
    let moved: [tf.Tensor2D, tf.Tensor2D] | undefined;
    let passes = 0;
    const watching: TrainableModel = {
      ...model,
      loss: (parameters, ...rest) => {
        if (++passes === 2)
          moved = [loraB, loraA].map((key) =>
            tf.keep(tf.clone(parameters.get(key) as tf.Tensor)),
          ) as [tf.Tensor2D, tf.Tensor2D];
        return model.loss(parameters, ...rest);
      },
    };
    const config = testConfig({ method: { name: method } }).method;
    await METHOD_FACTORIES[method]({ model: watching, config }).step({
      ...{ parameters: at, microBatches: batches.slice(0, 1), rho: 0.05, metrics: false },
      at: { step: 1, totalSteps: 10, lr: 0.1, seed: 5 },
    });
    const [b, a] = moved as [tf.Tensor2D, tf.Tensor2D];
    const before = tf.matMul(at.get(loraB) as tf.Tensor2D, at.get(loraA) as tf.Tensor2D);
    return Array.from(tf.mul(tf.sub(tf.matMul(b, a), before), scaling).dataSync());
  }

  /** R = 4I on the first module: W stays as it is, to the bit. */
  function regauged(): ParameterMap {
    const { loraA, loraB } = model.modules[0] as AdaptedModule;
    const pair = pickTensors(initial, [loraA, loraB]);
    return new Map([
      ...initial,
      [loraA, tf.mul(pair.get(loraA) as tf.Tensor, 4)],
      [loraB, tf.mul(pair.get(loraB) as tf.Tensor, 0.25)],
    ]);
  }

  it('leaves the perturbation of fmlora as it is, and not that of LoRA-SAM', async () => {
    const same = await changeInW('fmlora', initial);
    expect(relativeError(await changeInW('fmlora', regauged()), same)).toBeLessThan(1e-4);
    const sam = await changeInW('sam', initial);
    expect(relativeError(await changeInW('sam', regauged()), sam)).toBeGreaterThan(0.2);
  });
});

describe('LoRA-SAM', () => {
  it('reaches norm rho: in all factors together, or in each of them', async () => {
    const { gradients } = await lossAndGradients(model, initial, batches.slice(0, 1));
    const factors = pickTensors(
      gradients,
      model.modules.flatMap(({ loraA, loraB }) => [loraA, loraB]),
    );
    const norms = (e: ReadonlyMap<string, tf.Tensor>) =>
      [...e.values()].map((v) => tf.norm(v).dataSync()[0] as number);
    expect(Math.hypot(...norms((await ascentAlong(factors, 0.05)).e))).toBeCloseTo(0.05, 7);
    for (const norm of norms((await ascentAlong(factors, 0.05, 'separate')).e))
      expect(norm).toBeCloseTo(0.05, 7);
  });
  it('gives no direction, and says so, for a zero or a non-finite gradient', async () => {
    for (const value of [0, NaN, Infinity]) {
      const direction = new Map([['a', tf.tensor1d([value, 0])]]);
      expect(await ascentAlong(direction, 0.05)).toEqual({ e: new Map(), degenerate: 1 });
    }
  });
});
