import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import type { ParameterMap, TrainableModel } from '../../../src/engine/adapters/trainable-model';
import type { Method, StepInput } from '../../../src/engine/methods/method';
import { METHOD_FACTORIES } from '../../../src/engine/methods/registry';
import { createOptimizer, type Optimizer } from '../../../src/engine/optim/optimizer';
import { updated } from '../../../src/engine/optim/updated';
import { METHOD_NAMES, METHODS } from '../../../src/shared/methods';
import { stepBatches, testConfig, tinyBert } from '../../support/bert-fixture';
import { fastestTested } from '../../support/tested-backends';

type MethodFields = Record<string, unknown> & { name: (typeof METHOD_NAMES)[number] };

/** Options without which a method would show nothing within a few steps. */
const SHORT: Partial<Record<MethodFields['name'], Record<string, unknown>>> = {
  looksam: { looksam_k: 2 },
};

/** Every method, and the options that give it a state or another path. */
const VARIANTS: [string, MethodFields][] = [
  ...METHOD_NAMES.map((name): [string, MethodFields] => [name, { name, ...SHORT[name] }]),
  ['sam, separate balls', { name: 'sam', ball: 'separate' }],
  ['sam, per micro-batch', { name: 'sam', accum: 'per_micro' }],
  ['sam with the head', { name: 'sam', perturb_head: true }],
  [
    'flatpo, kept coordinates of average g²',
    {
      name: 'flatpo',
      flatpo_granularity: 'coordinate',
      flatpo_score: 'ema_g2',
      flatpo_refresh_every: 4,
    },
  ],
  ['flatpo at random', { name: 'flatpo', flatpo_choice: 'random', flatpo_fraction: 0.5 }],
  ['flatpo, Hutchinson', { name: 'flatpo', flatpo_score: 'hutchinson' }],
  ['flatpo, adaptive', { name: 'flatpo', flatpo_adaptive: true, flatpo_scope: 'per_layer' }],
  ['fmlora, float32 Grams', { name: 'fmlora', gram_dtype: 'float32' }],
  ['fmlora, masks of its own', { name: 'fmlora', rng: 'resample' }],
  ['efmlora, float32 Grams', { name: 'efmlora', gram_dtype: 'float32' }],
  [
    'efmlora, literal sign along A',
    { name: 'efmlora', perturb_sign: 'literal', perturb_target: 'A' },
  ],
  ['fmlora, literal sign', { name: 'fmlora', perturb_sign: 'literal' }],
];

const batches = stepBatches();
const TOTAL_STEPS = 12;

let model: TrainableModel;
let initial: ParameterMap;

beforeAll(async () => {
  await fastestTested();
  const config = testConfig({
    adapter: { r: 4, lora_alpha: 8, target_modules: ['query', 'value'], lora_dropout: 0.2 },
  });
  ({ model, initial } = await tinyBert('bert-cls/adapter', config));
});

interface Walk {
  readonly method: Method;
  readonly optimizer: Optimizer;
  readonly rho: number;
}

const optimizerConfig = testConfig({ optimizer: { name: 'adamw', lr: 5e-3 } }).optimizer;

function fresh(fields: MethodFields, rho: number, on = model): Walk {
  const config = testConfig({ method: fields }).method;
  return {
    method: METHOD_FACTORIES[config.name]({ model: on, config }),
    optimizer: createOptimizer(optimizerConfig),
    rho,
  };
}

/** Two micro-batches, with dropout. */
function input(parameters: ParameterMap, rho: number, i: number): StepInput {
  const pick = (k: number) => batches[(2 * i + k) % batches.length] as (typeof batches)[number];
  return {
    parameters,
    microBatches: [pick(0), pick(1)],
    dropout: [{ seed: 100 + i }, { seed: 200 + i }],
    rho,
    metrics: true,
    at: { step: i + 1, totalSteps: TOTAL_STEPS, lr: optimizerConfig.lr, seed: 7 },
  };
}

/** Takes the steps `from`..`to` (0-based) and returns the parameters after them. */
async function walk(
  { method, optimizer, rho }: Walk,
  start: ParameterMap,
  [from, to]: [number, number],
): Promise<ParameterMap> {
  let parameters = start;
  for (let i = from; i < to; i++) {
    const { gradients, factors } = await method.step(input(parameters, rho, i));
    const next = updated(optimizer, { parameters, factors }, gradients, optimizerConfig.lr);
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

describe('strength 0 (rho, sigma or mu) is plain training, bit for bit, under dropout', () => {
  const perturbing = VARIANTS.filter(([, { name }]) => METHODS[name].strength);
  it.each(perturbing)('%s', async (_label, fields) => {
    const strength = METHODS[fields.name].strength as string;
    const off = strength === 'rho' ? fields : { ...fields, [strength]: 0 };
    const plain = await values(await walk(fresh({ name: 'none' }, 0), initial, [0, 4]));
    expect(await values(await walk(fresh(off, 0), initial, [0, 4]))).toEqual(plain);
    expect(await values(await walk(fresh(fields, 0.05), initial, [0, 4]))).not.toEqual(plain);
  });
});

describe.each(VARIANTS)('%s', (_label, fields) => {
  it('goes on from a saved state as if it had not stopped', async () => {
    const whole = await values(await walk(fresh(fields, 0.05), initial, [0, 6]));
    const first = fresh(fields, 0.05);
    const middle = await walk(first, initial, [0, 3]);
    const second = fresh(fields, 0.05);
    second.method.restoreState(await first.method.saveState());
    second.optimizer.restoreState(await first.optimizer.saveState(), first.optimizer.steps);
    expect(await values(await walk(second, middle, [3, 6]))).toEqual(whole);
  });

  it('leaves the clean weights bit-identical, also when a pass fails', async () => {
    const before = await values(initial);
    // Passes 3 to 8 are the later passes of one step over two micro-batches, or of later steps.
    for (const failingPass of [2, 3, 5, 7, 8]) {
      let passes = 0;
      const failing: TrainableModel = {
        ...model,
        loss: (...args) => {
          passes += 1;
          if (passes === failingPass) throw new Error('device lost');
          return model.loss(...args);
        },
      };
      const { method } = fresh(fields, 0.05, failing);
      for (let i = 0; i < 4 && passes < failingPass; i++)
        await method.step(input(initial, 0.05, i)).catch((error: unknown) => {
          expect(String(error)).toContain('device lost');
        });
      expect(passes).toBe(failingPass);
      expect(await values(initial)).toEqual(before);
    }
  });

  it('keeps no tensors from step to step', async () => {
    const steps = fresh(fields, 0.05);
    let parameters = await walk(steps, initial, [0, 2]);
    const { numTensors } = tf.memory();
    for (let i = 2; i < 8; i++) {
      const next = await walk(steps, parameters, [i, i + 1]);
      tf.dispose([...parameters.values()]);
      parameters = next;
    }
    expect(tf.memory().numTensors).toBe(numTensors);
  });
});

describe('an adapter without pairs', () => {
  const bare = (): TrainableModel => ({ ...model, modules: [] });
  it.each(METHOD_NAMES.filter((name) => METHODS[name].needs === 'any'))(
    'is trained by %s',
    async (name) => {
      const trained = await walk(fresh({ name }, 0.05, bare()), initial, [0, 2]);
      expect(await values(trained)).not.toEqual(await values(initial));
    },
  );
});
