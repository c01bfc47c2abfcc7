import { readFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { placeTensors } from '../../../src/engine/backends/tensor-place';
import { clipGradients } from '../../../src/engine/optim/clip';
import { lrFraction } from '../../../src/engine/optim/lr-schedule';
import { createOptimizer, type Optimizer } from '../../../src/engine/optim/optimizer';
import { configSchema, type Config } from '../../../src/shared/config/schema';
import { useCpuBackend } from '../../support/tensorflow-cpu';

/**
 * Float32 tensors against PyTorch's float64 trajectories of eight steps, relative to the largest
 * entry: gradients reach 2e4, and float32 rounds each entry at 6e-8 of its size.
 */
const TOLERANCE = 2e-6;

interface Fixture {
  start: number[][];
  gradients: number[][][];
  adamw: {
    settings: { lr: number; betas: [number, number]; eps: number; weight_decay: number };
    trajectory: number[][][];
  }[];
  sgd: {
    settings: { lr: number; momentum: number; nesterov: boolean };
    trajectory: number[][][];
  }[];
  schedules: {
    kind: 'linear' | 'cosine' | 'constant' | string;
    lr: number;
    warmup_steps: number;
    total_steps: number;
    values: number[];
  }[];
  clip: { max_grad_norm: number; norm: number; clipped: number[][][] }[];
}
const fixture = JSON.parse(readFileSync('test/reference/fixtures/optim.json', 'utf8')) as Fixture;
const base = configSchema.parse({ model: { name_or_path: 'm' }, task: { train: 't.jsonl' } });

beforeAll(useCpuBackend);

function worst(actual: number[], expected: number[]): number {
  return Math.max(...actual.map((v, i) => Math.abs(v - (expected[i] as number))));
}

async function replay(optimizer: Optimizer, lr: number, trajectory: number[][][]): Promise<number> {
  let error = 0;
  let parameters = new Map<string, tf.Tensor>([['w', tf.tensor2d(fixture.start)]]);
  for (const [i, gradient] of fixture.gradients.entries()) {
    const next = optimizer.update(parameters, new Map([['w', tf.tensor2d(gradient)]]), lr);
    parameters = next;
    const values = Array.from(await (next.get('w') as tf.Tensor).data());
    const expected = (trajectory[i] as number[][]).flat();
    const largest = Math.max(...expected.map(Math.abs), 1);
    error = Math.max(error, worst(values, expected) / largest);
  }
  return error;
}

const optimizerConfig = (fields: Partial<Config['optimizer']>): Config['optimizer'] => ({
  ...base.optimizer,
  ...fields,
});

describe.each(['host', 'device'] as const)(
  'optimizers follow PyTorch, tensors on the %s',
  (place) => {
    beforeAll(() => placeTensors(place));
    afterAll(() => placeTensors('host'));

    it.each(fixture.adamw)('adamw $settings', async ({ settings, trajectory }) => {
      const { lr, betas, eps, weight_decay } = settings;
      const optimizer = createOptimizer(
        optimizerConfig({ name: 'adamw', betas, eps, weight_decay }),
      );
      expect(await replay(optimizer, lr, trajectory)).toBeLessThan(TOLERANCE);
    });

    it.each(fixture.sgd.filter(({ settings }) => !settings.nesterov))(
      'sgd $settings',
      async ({ settings, trajectory }) => {
        const optimizer = createOptimizer(
          optimizerConfig({ name: 'sgd', momentum: settings.momentum }),
        );
        expect(await replay(optimizer, settings.lr, trajectory)).toBeLessThan(TOLERANCE);
      },
    );

    it.each(['adamw', 'sgd'] as const)(
      '%s continues from a saved state bit for bit',
      async (name) => {
        const config = optimizerConfig({ name, momentum: 0.9 });
        const [g1, g2] = fixture.gradients.map((g) => new Map([['w', tf.tensor2d(g)]]));
        const start = new Map<string, tf.Tensor>([['w', tf.tensor2d(fixture.start)]]);
        const first = createOptimizer(config);
        const middle = first.update(start, g1 as Map<string, tf.Tensor>, 0.1);
        const second = createOptimizer(config);
        second.restoreState(await first.saveState(), first.steps);
        const [a, b] = [first, second].map((o) =>
          o.update(middle, g2 as Map<string, tf.Tensor>, 0.1),
        );
        expect(await (b?.get('w') as tf.Tensor).data()).toEqual(
          await (a?.get('w') as tf.Tensor).data(),
        );
      },
    );
  },
);

describe('learning-rate schedules follow transformers', () => {
  it.each(fixture.schedules)('$kind, warm-up $warmup_steps of $total_steps', (c) => {
    const name = c.kind as Config['schedule']['name'];
    const schedule: Config['schedule'] = { name, warmup_ratio: 0, warmup_steps: c.warmup_steps };
    const values = c.values.map((_, i) => c.lr * lrFraction(schedule, i + 1, c.total_steps));
    expect(worst(values, c.values)).toBeLessThan(1e-15);
  });
});

describe.each(['host', 'device'] as const)(
  'clipping follows PyTorch, tensors on the %s',
  (place) => {
    beforeAll(() => placeTensors(place));
    afterAll(() => placeTensors('host'));

    it.each(fixture.clip)('to $max_grad_norm', async ({ max_grad_norm, norm, clipped }) => {
      const parts = clipped.map((_, i) => fixture.gradients[i] as number[][]);
      const gradients = new Map<string, tf.Tensor>(
        parts.map((g, i) => [String(i), tf.tensor2d(g)]),
      );
      const result = await clipGradients(gradients, max_grad_norm);
      expect(Math.abs(result.norm / norm - 1)).toBeLessThan(TOLERANCE);
      for (const [i, expected] of clipped.entries()) {
        const values = Array.from(await (result.gradients.get(String(i)) as tf.Tensor).data());
        expect(worst(values, expected.flat())).toBeLessThan(TOLERANCE);
      }
    });
  },
);
