import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { secondKey } from '../../../src/engine/adapters/extra-terms';
import type { ParameterMap, TrainableModel } from '../../../src/engine/adapters/trainable-model';
import { openSafetensors } from '../../../src/engine/formats/safetensors-read';
import { createEsam } from '../../../src/engine/methods/esam';
import { createFlatLora } from '../../../src/engine/methods/flat-lora';
import { createFlatpo } from '../../../src/engine/methods/flatpo';
import type { Method, MethodContext } from '../../../src/engine/methods/method';
import { perturbedKeys } from '../../../src/engine/methods/perturbed-keys';
import { METHOD_FACTORIES } from '../../../src/engine/methods/registry';
import { rhoAt } from '../../../src/engine/methods/rho-schedule';
import { lrFraction } from '../../../src/engine/optim/lr-schedule';
import { createOptimizer } from '../../../src/engine/optim/optimizer';
import { updated } from '../../../src/engine/optim/updated';
import { METHOD_NAMES } from '../../../src/shared/methods';
import { FIXTURES, stepBatches, testConfig, tinyBert } from '../../support/bert-fixture';
import { relativeError } from '../../support/reference-model';
import { testedBackends } from '../../support/tested-backends';

/**
 * Five optimizer steps of every method against test/reference/methods/*.py (PyTorch, float64): each
 * tensor, after each step, relative to its largest entry. The script refuses runs that end less
 * than ten times this from plain training.
 */
const TOLERANCE = 1e-4;

interface SavedTensor {
  shape: number[];
  values: Float32Array;
}

interface Settings {
  method: Record<string, unknown>;
  optimizer: Record<string, unknown>;
  schedule: Record<string, unknown>;
  accumulation: number;
  adapter: string;
  steps: number;
}

const QUERY_VALUE = { r: 4, lora_alpha: 8, target_modules: ['query', 'value'] };
/** Has weights that are not square. */
const ALL_LINEAR = { r: 4, lora_alpha: 8, target_modules: 'all-linear', use_rslora: true };

const ROOT = path.join(FIXTURES, 'methods');
const RUNS = readdirSync(ROOT);
const batches = stepBatches();

describe('the reference', () => {
  it('has a run of every method', () => {
    const named = RUNS.map((run) => settingsOf(run).method['name']);
    // `lora` is `none` under another name; its runs are in steps.test.ts.
    expect(new Set([...named, 'lora'])).toEqual(new Set(METHOD_NAMES));
  });
});

describe.each(await testedBackends())('on $name', (backend) => {
  beforeAll(() => backend.start());

  it.each(RUNS)('%s follows the reference for five steps', async (run) => {
    const settings = settingsOf(run);
    const config = testConfig({
      method: settings.method,
      optimizer: settings.optimizer,
      schedule: settings.schedule,
      adapter: settings.adapter.includes('all-linear') ? ALL_LINEAR : QUERY_VALUE,
    });
    const file = await openSafetensors(path.join(ROOT, run, 'expected.safetensors'));
    const expected = new Map<string, Float32Array>();
    for (const key of file.tensors.keys()) expected.set(key, (await file.readF32(key)).values);
    await file.close();

    const { model, initial } = await tinyBert(settings.adapter, config);
    const method = withDraws({ model, config: config.method }, initial, expected);
    const optimizer = createOptimizer(config.optimizer);
    let parameters: ParameterMap = initial;
    let error = 0;
    for (let step = 1; step <= settings.steps; step++) {
      const k = settings.accumulation;
      const fraction = lrFraction(config.schedule, step, settings.steps);
      const lr = config.optimizer.lr * fraction;
      const totalSteps = settings.steps;
      const rho = rhoAt(config.method, {
        ...{ step, totalSteps, stepsPerEpoch: totalSteps, lrFraction: fraction },
      });
      const { gradients, factors } = await method.step({
        parameters,
        microBatches: batches.slice((step - 1) * k, step * k),
        rho,
        metrics: false,
        at: { step, totalSteps, lr, seed: 0 },
      });
      parameters = updated(optimizer, { parameters, factors }, gradients, lr);
      for (const [key, tensor] of parameters) {
        const all = expected.get(`param.${key}`) as Float32Array;
        const row = all.subarray((step - 1) * tensor.size, step * tensor.size);
        const tensorError = relativeError(await tensor.data(), row);
        expect(tensorError, `${key} after step ${step}`).toBeLessThan(TOLERANCE);
        error = Math.max(error, tensorError);
      }
    }
    model.dispose();
    // For the figures of a report.
    if (process.env['FLATSCAPE_PRINT_ERRORS'])
      process.stdout.write(`${tf.getBackend()} ${run} ${error.toExponential(1)}\n`);
  });
});

function settingsOf(run: string): Settings {
  return JSON.parse(readFileSync(path.join(ROOT, run, 'settings.json'), 'utf8')) as Settings;
}

/** The method with the reference's random numbers in place of its own. */
function withDraws(
  context: MethodContext,
  initial: ParameterMap,
  expected: ReadonlyMap<string, Float32Array>,
): Method {
  const { model, config } = context;
  /** What was drawn for a step under `<name>.<key>`, as many numbers as it has. */
  const drawn = (name: string, step: number): number[] => {
    const all = expected.get(name) as Float32Array;
    const size = all.length / 5;
    return Array.from(all.subarray((step - 1) * size, step * size));
  };
  const uniform = (_count: number, { step }: { step: number }): number[] =>
    perturbedKeys(model, initial, config).flatMap((key) => drawn(`uniform.${key}`, step));
  if (config.name === 'flat-lora')
    return createFlatLora(context, ({ path: at }, { step }) =>
      Float32Array.from(drawn(`z.${at}`, step)),
    );
  if (config.name === 'esam') return createEsam(context, uniform);
  if (config.name === 'flatpo') return createFlatpo(context, uniform);
  const method = METHOD_FACTORIES[config.name](context);
  if (config.name === 'bi-lora')
    method.restoreState(secondPairs(model, config.bi_lora_r, expected));
  return method;
}

/** What the reference starts pair 2 from: A₂ as drawn, times 0.3, and B₂ = 0. */
function secondPairs(
  model: TrainableModel,
  rank: number,
  expected: ReadonlyMap<string, Float32Array>,
) {
  return new Map(
    model.modules.flatMap(({ loraA, loraB, in: width, out }): [string, SavedTensor][] => {
      const a2 = (expected.get(`second.${loraA}`) as Float32Array).map((v) => 0.3 * v);
      return [
        [secondKey(loraA), { shape: [rank, width], values: a2 }],
        [secondKey(loraB), { shape: [out, rank], values: new Float32Array(out * rank) }],
      ];
    }),
  );
}
