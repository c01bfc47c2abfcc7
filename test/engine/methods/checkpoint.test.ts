import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadTrainableModel } from '../../../src/engine/adapters/load-trainable';
import { openModelDirectory } from '../../../src/engine/formats/model-directory';
import { openSafetensors } from '../../../src/engine/formats/safetensors-read';
import { checkCombination } from '../../../src/engine/runs/check-combination';
import { createModelTrainer } from '../../../src/engine/runs/model-trainer';
import type { Trainer } from '../../../src/engine/runs/trainer';
import { METHOD_NAMES, METHODS } from '../../../src/shared/methods';
import { FIXTURES, testConfig } from '../../support/bert-fixture';
import { LABELS } from '../../support/reference-model';
import { fastestTested } from '../../support/tested-backends';

/** What each method keeps from one step to the next, where it keeps anything. */
const STATE: Partial<Record<string, RegExp>> = {
  efmlora: /^method\.base_model\..*lora_B/,
  flatpo: /^method\.(mask|mean_square)\./,
  'f-sam': /^method\.average\./,
  looksam: /^method\.g_v\./,
  'bi-lora': /^method\.second\./,
};

const MORE: Partial<Record<string, object>> = {
  looksam: { looksam_k: 4 },
  flatpo: { flatpo_score: 'ema_g2', flatpo_refresh_every: 4, flatpo_granularity: 'coordinate' },
  esam: { esam_gamma: 0.4 },
};

const PAIRS = { r: 4, lora_alpha: 8, target_modules: ['query', 'value'], lora_dropout: 0.2 };

let folder: string;
beforeAll(async () => {
  await fastestTested();
  folder = await mkdtemp(join(tmpdir(), 'flatscape-methods-'));
});
afterAll(() => rm(folder, { recursive: true }));

function configOf(name: string, adapter: object) {
  return testConfig({
    adapter,
    method: { name, ...MORE[name] },
    optimizer: { lr: 0.02 },
    train: { batch_size: 3, gradient_accumulation_steps: 2, steps: 6 },
  });
}

async function trainer(name: string, adapter: object = PAIRS): Promise<Trainer> {
  const config = configOf(name, adapter);
  const directory = await openModelDirectory(`${FIXTURES}/bert-cls/model`);
  const loaded = await loadTrainableModel({
    ...{ directory, head: 'classification', labels: LABELS, adapter: config.adapter, seed: 3 },
  });
  await directory.close();
  const train = Array.from({ length: 14 }, (_, i) => {
    const ids = [2, ...Array.from({ length: 3 + (i % 4) }, (_v, j) => 5 + ((7 * i + j) % 20)), 3];
    return { ids, typeIds: ids.map(() => 0), label: i % 3 };
  });
  return createModelTrainer({ config, loaded, train, eval: [], padId: 0, labels: LABELS });
}

async function steps(on: Trainer, from: number, to: number): Promise<void> {
  for (let step = from; step <= to; step++) await on.step(step);
}

async function saved(on: Trainer, name: string, step: number): Promise<string> {
  const directory = await mkdtemp(join(folder, `${name}-`));
  await on.save(directory, step);
  return directory;
}

it.each(METHOD_NAMES)(
  '%s: a run that goes on from its checkpoint ends in the same bytes, and the adapter is plain',
  async (name) => {
    const whole = await trainer(name);
    await steps(whole, 1, 6);
    const expected = await saved(whole, name, 6);

    const first = await trainer(name);
    await steps(first, 1, 3);
    const middle = await saved(first, name, 3);
    const second = await trainer(name);
    await second.restore(middle, 3);
    await steps(second, 4, 6);
    const actual = await saved(second, name, 6);
    for (const file of ['adapter_model.safetensors', 'training_state.safetensors'])
      expect(
        (await readFile(join(actual, file))).equals(await readFile(join(expected, file))),
      ).toBe(true);

    const adapter = await openSafetensors(join(middle, 'adapter_model.safetensors'));
    expect([...adapter.tensors.keys()].filter((key) => !/lora_[AB]|classifier/.test(key))).toEqual(
      [],
    );
    const state = await openSafetensors(join(middle, 'training_state.safetensors'));
    const kept = [...state.tensors.keys()].filter((key) => key.startsWith('method.'));
    const pattern = STATE[name];
    if (!pattern) expect(kept).toEqual([]);
    else {
      expect(kept.length).toBeGreaterThan(0);
      expect(kept.filter((key) => !pattern.test(key))).toEqual([]);
    }
    for (const file of [adapter, state]) await file.close();
    for (const on of [whole, first, second]) on.dispose();
  },
);

describe.each(['full', 'head', 'adapter'])('adapter.type %s', (type) => {
  it.each(METHOD_NAMES)('%s trains it, or says what it needs', async (name) => {
    if (METHODS[name].needs === 'lora')
      return expect(() => checkCombination(configOf(name, { type }), 'a.yaml')).toThrowError(
        expect.objectContaining({ code: 'method-needs-lora' }),
      );
    const on = await trainer(name, { type });
    const reports = [await on.step(1), await on.step(2), await on.step(3)];
    for (const { loss, gradientNorm, degenerate } of reports) {
      expect(Number.isFinite(loss)).toBe(true);
      expect(gradientNorm).toBeGreaterThan(0);
      // A bottleneck that starts at 0 has tensors without a gradient; together they have one.
      expect(degenerate).toBe(0);
    }
    on.dispose();
  });
});
