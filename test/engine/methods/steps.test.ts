import { readFileSync } from 'node:fs';
import path from 'node:path';
import type * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { BACKENDS } from '../../../src/engine/backends/registry';
import { placeTensors } from '../../../src/engine/backends/tensor-place';
import { openSafetensors } from '../../../src/engine/formats/safetensors-read';
import { METHOD_FACTORIES } from '../../../src/engine/methods/registry';
import { rhoAt } from '../../../src/engine/methods/rho-schedule';
import { clipGradients } from '../../../src/engine/optim/clip';
import { lrFraction } from '../../../src/engine/optim/lr-schedule';
import { createOptimizer } from '../../../src/engine/optim/optimizer';
import type { Config } from '../../../src/shared/config/schema';
import type { QuantityKey } from '../../../src/shared/quantities';
import { FIXTURES, stepBatches, testConfig, tinyBert } from '../../support/bert-fixture';
import { relativeError } from '../../support/reference-model';
import { testedBackends } from '../../support/tested-backends';

/**
 * Five optimizer steps against test/reference/training_steps.py (PyTorch float64, naive
 * pseudo-inverse). Float32 rounding grows over the steps, AdamW's normalisation included: PyTorch's
 * own float32 run differs from its float64 run by up to 5e-6.
 */
const PARAMETER_TOLERANCE = 1e-4;
const METRIC_TOLERANCE = 1e-4;

const RUNS = [
  'lora-adamw',
  'lora-sgd',
  'lora-adamw-clip-accum',
  'fmlora-adamw',
  'fmlora-sgd',
  'efmlora-adamw',
  'efmlora-sgd',
  'efmlora-adamw-from-zero',
  'efmlora-adamw-global',
];

interface Settings {
  method: Config['method']['name'];
  optimizer: Config['optimizer']['name'];
  adapter: string;
  lr: number;
  betas: [number, number];
  eps: number;
  momentum: number;
  weight_decay: number;
  max_grad_norm: number | null;
  accumulation: number;
  lr_schedule: Config['schedule']['name'];
  warmup_steps: number;
  rho: number;
  rho_schedule: Config['method']['rho_schedule'];
  rho_scope: Config['method']['rho_scope'];
  grad_estimator: Config['method']['grad_estimator'];
  ema_beta: number;
  ema_init: Config['method']['ema_init'];
  tau_a: number;
  tau_b: number;
  steps: number;
}

function configOf(s: Settings): Config {
  return testConfig({
    method: {
      name: s.method,
      rho: s.rho,
      rho_schedule: s.rho_schedule,
      rho_scope: s.rho_scope,
      grad_estimator: s.grad_estimator,
      beta: s.ema_beta,
      ema_init: s.ema_init,
      tau_a: s.tau_a,
      tau_b: s.tau_b,
    },
    optimizer: {
      name: s.optimizer,
      lr: s.lr,
      betas: s.betas,
      eps: s.eps,
      momentum: s.momentum,
      weight_decay: s.weight_decay,
    },
    schedule: { name: s.lr_schedule, warmup_steps: s.warmup_steps },
    train: { max_grad_norm: s.max_grad_norm ?? 0, gradient_accumulation_steps: s.accumulation },
  });
}

const batches = stepBatches();

/** cpu, treated as if its tensors were on a device: what a GPU's steps are made of. */
const asDevice = {
  name: 'cpu as a device',
  start: async () => {
    await BACKENDS.cpu.start();
    placeTensors('device');
  },
};

describe.each([...(await testedBackends()), asDevice])('on $name', (backend) => {
  beforeAll(() => backend.start());

  describe.each(RUNS)('%s', (run) => {
    it('follows the reference for five steps', async () => {
      const directory = path.join(FIXTURES, 'steps', run);
      const settings = JSON.parse(
        readFileSync(path.join(directory, 'settings.json'), 'utf8'),
      ) as Settings;
      const config = configOf(settings);
      const reference = await openSafetensors(path.join(directory, 'float64.safetensors'));
      const { model, initial } = await tinyBert(settings.adapter, config);
      const method = METHOD_FACTORIES[config.method.name]({ model, config: config.method });
      const optimizer = createOptimizer(config.optimizer);
      let parameters: ReadonlyMap<string, tf.Tensor> = initial;

      for (let step = 1; step <= settings.steps; step++) {
        const k = config.train.gradient_accumulation_steps;
        const fraction = lrFraction(config.schedule, step, settings.steps);
        const rho = rhoAt(config.method, {
          step,
          totalSteps: settings.steps,
          stepsPerEpoch: settings.steps,
          lrFraction: fraction,
        });
        const out = await method.step({
          parameters,
          microBatches: batches.slice((step - 1) * k, step * k),
          rho,
          metrics: true,
          at: { step, totalSteps: settings.steps, lr: config.optimizer.lr * fraction, seed: 0 },
        });
        const { gradients, norm } = await clipGradients(
          out.gradients as Map<string, tf.Tensor>,
          config.train.max_grad_norm,
        );
        const at = (key: string) => row(reference, key, step - 1);
        expect(relativeError([out.lossPerturbed ?? out.loss], await at('loss'))).toBeLessThan(
          METRIC_TOLERANCE,
        );
        expect(relativeError([norm], await at('grad_norm'))).toBeLessThan(METRIC_TOLERANCE);
        parameters = optimizer.update(parameters, gradients, config.optimizer.lr * fraction);
        for (const [key, tensor] of parameters)
          expect(
            relativeError(Array.from(await tensor.data()), await at(`param.${key}`)),
            `${key} after step ${step}`,
          ).toBeLessThan(PARAMETER_TOLERANCE);
        if (settings.method === 'lora') continue;
        const named: [QuantityKey, string][] = [
          ['rhoUse', 'radius_at_use'],
          ['balancednessRate', 'inner'],
          ['boundPaper', 'bound_paper'],
          ['boundSigmaMin', 'bound_sigma_min'],
          ['boundTight', 'bound_tight'],
        ];
        for (const [i, module] of model.modules.entries()) {
          const [rhoEff] = await at(`rho_eff.${module.path}`);
          expect(
            relativeError([(out.layers.rhoEffRatio?.[i] as number) * rho], [rhoEff as number]),
          ).toBeLessThan(METRIC_TOLERANCE);
          const balance = await row(reference, `balancedness.${module.path}`, step - 1);
          expect(relativeError([out.layers.balancedness?.[i] as number], balance)).toBeLessThan(
            METRIC_TOLERANCE,
          );
          // EFMLoRA's first step runs clean: nothing was applied.
          if (settings.method === 'efmlora' && step === 1) continue;
          for (const [key, name] of named)
            expect(
              relativeError([out.layers[key]?.[i] as number], await at(`${name}.${module.path}`)),
              `${key} of ${module.path} at step ${step}`,
            ).toBeLessThan(METRIC_TOLERANCE);
        }
      }
      if (settings.method === 'efmlora') {
        const state = await method.saveState();
        for (const module of model.modules)
          expect(
            relativeError(
              Array.from(state.get(module.loraB)?.values ?? []),
              await row(reference, `Ehat.${module.path}`, settings.steps - 1),
            ),
          ).toBeLessThan(PARAMETER_TOLERANCE);
      }
      await reference.close();
      model.dispose();
    });
  });
});

/** Slice `index` of the first axis. */
async function row(
  file: Awaited<ReturnType<typeof openSafetensors>>,
  key: string,
  index: number,
): Promise<number[]> {
  const { shape, values } = await file.readF64(key);
  const size = shape.slice(1).reduce((product, n) => product * n, 1);
  return Array.from(values.subarray(index * size, (index + 1) * size));
}
