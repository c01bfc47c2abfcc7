import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { PreparedRun, RunSource } from '../../../../src/engine/runs/run-session';
import type { Trainer } from '../../../../src/engine/runs/trainer';

export interface FakeOptions {
  readonly totalSteps: number;
  readonly stepMs?: number;
  /** The step whose loss is not a number. */
  readonly nanAt?: number;
  readonly modules?: number;
  /** Thrown when a checkpoint of this step is written. */
  readonly failSaveAt?: { step: number; error: Error };
}

/** Descends a parabola with momentum: state that a resume must bring back exactly. */
export function createFakeTrainer(options: FakeOptions): Trainer {
  const { totalSteps, stepMs = 0, modules = 2 } = options;
  let [weight, velocity] = [3, 0];
  return {
    totalSteps,
    stepsPerEpoch: 10,
    hasEval: true,
    async step(step) {
      if (stepMs > 0) await sleep(stepMs);
      const noise = Math.sin(step * 12.9898) / 10;
      velocity = 0.9 * velocity + 2 * weight + noise;
      weight -= 0.01 * velocity;
      const row = Array.from({ length: modules }, (_, i) => weight + i);
      return {
        loss: step === options.nanAt ? NaN : weight * weight,
        lr: 0.01,
        rho: 0.05,
        gradientNorm: Math.abs(velocity),
        clipped: false,
        degenerate: 0,
        layers: { normA: row, normB: row.map((v) => (step === 1 ? NaN : v)) },
      };
    },
    async probe() {
      return {
        loss: weight * weight,
        sharpness: Math.abs(weight),
        rho: 0.05,
        examples: 4,
        source: 'train',
        seed: 1,
        layers: { sharpness: Array.from({ length: modules }, () => weight) },
      };
    },
    async evaluate() {
      return { examples: 4, loss: weight, accuracy: 0.5, macroF1: 0.5, matthews: NaN };
    },
    async save(directory, step) {
      if (options.failSaveAt?.step === step) throw options.failSaveAt.error;
      await writeFile(join(directory, 'adapter_model.safetensors'), JSON.stringify([weight]));
      await writeFile(join(directory, 'state.json'), JSON.stringify({ weight, velocity }));
    },
    async restore(directory) {
      const state: unknown = JSON.parse(await readFile(join(directory, 'state.json'), 'utf8'));
      ({ weight, velocity } = state as { weight: number; velocity: number });
    },
    dispose: () => undefined,
  };
}

export function fakePrepare(options: Omit<FakeOptions, 'totalSteps'> = {}) {
  return async ({ config }: RunSource): Promise<PreparedRun> => {
    const totalSteps = config.train.steps ?? 30;
    const names = Array.from({ length: options.modules ?? 2 }, (_, i) => `layer.${i}.query`);
    return {
      facts: {
        versions: { flatscape: '0.0.0' },
        backend: { name: 'cpu', reason: 'test', refused: [] },
        model: { architecture: 'fake', directory: '/nowhere', files: [] },
        data: { files: [], train: 160, eval: 4 },
        labels: ['a', 'b'],
        modules: names.map((path, layer) => ({
          ...{ path, layer, kind: 'query', out: 4, in: 4, rank: 2, scaling: 2 },
        })),
        parameters: { trainable: 32, total: 64 },
        totalSteps,
      },
      createTrainer: async () => createFakeTrainer({ totalSteps, ...options }),
    };
  };
}
