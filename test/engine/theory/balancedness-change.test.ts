import type * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import type { ParameterMap } from '../../../src/engine/adapters/trainable-model';
import { METHOD_FACTORIES } from '../../../src/engine/methods/registry';
import { clipGradients } from '../../../src/engine/optim/clip';
import { createOptimizer } from '../../../src/engine/optim/optimizer';
import { balancednessChange } from '../../../src/engine/theory/balancedness-change';
import { configSchema } from '../../../src/shared/config/schema';
import { theorem1Standing } from '../../../src/shared/theorem1';
import { stepBatches, testConfig, tinyBert } from '../../support/bert-fixture';
import { testedBackends } from '../../support/tested-backends';

/**
 * The identity is exact; weights are float32. Decay and update each round every element once, to
 * half a unit of 2^-23, so 𝔅 can be off by 2 · 2^-24 (‖A‖² + ‖B‖²), and its rate by that over cη.
 */
const ROUNDINGS = 2 * 2 ** -24;
const LR = 0.1;

const batches = stepBatches();

describe.each(await testedBackends())('on $name', (backend) => {
  beforeAll(() => backend.start());

  it.each([
    ['fmlora', 0, 0],
    ['fmlora', 0.1, 0],
    ['fmlora', 0.1, 0.2],
    ['efmlora', 0.1, 0.2],
  ] as const)(
    '%s with decay %d, clipped to %d: corrected = virtual rate',
    async (name, decay, max) => {
      const config = testConfig({
        method: { name, rho: 0.2 },
        optimizer: { name: 'sgd', lr: LR, weight_decay: decay },
      });
      const { model, initial } = await tinyBert();
      const method = METHOD_FACTORIES[name]({ model, config: config.method });
      const optimizer = createOptimizer(config.optimizer);
      let parameters: ParameterMap = initial;
      for (let step = 1; step <= 4; step++) {
        const out = await method.step({
          parameters,
          microBatches: [batches[step] as (typeof batches)[number]],
          ...{ rho: 0.2, metrics: true },
          at: { step, totalSteps: 4, lr: LR, seed: 1 },
        });
        const { gradients, norm, clipped } = await clipGradients(
          out.gradients as Map<string, tf.Tensor>,
          max,
        );
        const next = optimizer.update(parameters, gradients, LR);
        const facts = { before: parameters, after: next, gradients, lr: LR, decay };
        const clipFactor = clipped ? max / (norm + 1e-6) : 1;
        const change = await balancednessChange(model.modules, {
          ...facts,
          ...{ clipFactor, plainSgd: true },
        });
        expect(clipped).toBe(max > 0);
        const { normA = [], normB = [], balancednessRate = [] } = out.layers;
        for (const [i, module] of model.modules.entries()) {
          const size = (normA[i] as number) ** 2 + (normB[i] as number) ** 2;
          const tolerance = (ROUNDINGS * size) / (clipFactor * LR);
          // EFMLoRA's first step runs clean: its rate is 0.
          const rate = balancednessRate[i] ?? 0;
          const [measured, corrected] = [change.measuredRate?.[i], change.correctedRate?.[i]];
          expect(Math.abs((corrected as number) - rate), module.path).toBeLessThan(tolerance);
          // Without the correction it is another number altogether.
          expect(Math.abs((measured as number) - rate), module.path).toBeGreaterThan(
            10 * tolerance,
          );
        }
        const other = await balancednessChange(model.modules, {
          ...facts,
          ...{ clipFactor, plainSgd: false },
        });
        expect(other.correctedRate).toBeUndefined();
        expect(other.measuredRate).toEqual(change.measuredRate);
        parameters = next;
      }
    },
  );
});

describe('the standing of Theorem 1', () => {
  const standing = (parts: Record<string, unknown>) =>
    theorem1Standing(
      configSchema.parse({ model: { name_or_path: 'm' }, task: { train: 't' }, ...parts }),
    );

  it.each([
    [{}, 'virtual', /Not applicable to Adam/],
    [{ optimizer: { name: 'sgd' } }, 'exact', /up to rounding/],
    [{ optimizer: { name: 'sgd', momentum: 0.9 } }, 'virtual', /momentum/],
    [{ optimizer: { name: 'sgd', lorafa: true } }, 'virtual', /LoRA-FA/],
    [{ optimizer: { name: 'sgd' }, method: { name: 'sam' } }, 'exact', /⟨E_A, g̃_A⟩/],
    [{ optimizer: { name: 'sgd' }, method: { name: 'gsam' } }, 'virtual', /no gradient at one/],
    [{ adapter: { type: 'full' } }, 'none', /no pairs/],
    [{ method: { perturb_target: 'A' } }, 'virtual', /not of A/],
  ])('with %o is said in a sentence', (parts, expected, statement) => {
    expect(standing(parts)).toMatchObject({
      standing: expected,
      statement: expect.stringMatching(statement) as string,
    });
  });
});
