import { readFileSync } from 'node:fs';
import type * as tf from '@tensorflow/tfjs-core';
import { loadTrainableModel } from '../../src/engine/adapters/load-trainable';
import type { TrainableModel } from '../../src/engine/adapters/trainable-model';
import type { Batch } from '../../src/engine/data/batch';
import { openModelDirectory } from '../../src/engine/formats/model-directory';
import { readPeftAdapter } from '../../src/engine/formats/peft-adapter';
import { configSchema, type Config } from '../../src/shared/config/schema';
import { LABELS, toBatch, type RawBatch } from './reference-model';

/** Folder of what test/reference/make_fixtures.py wrote. */
export const FIXTURES = 'test/reference/fixtures';

/** The batches of `steps/batches.json`: ten of four rows. */
export function stepBatches(): readonly Batch[] {
  const raw = JSON.parse(readFileSync(`${FIXTURES}/steps/batches.json`, 'utf8')) as RawBatch[];
  return raw.map(toBatch);
}

/** A valid config with the given parts changed. */
export function testConfig(parts: Record<string, unknown> = {}): Config {
  return configSchema.parse({
    model: { name_or_path: 'model' },
    task: { train: 'none.jsonl' },
    adapter: { r: 4, lora_alpha: 8, target_modules: ['query', 'value'] },
    ...parts,
  });
}

/** The tiny BERT classifier with a PEFT adapter (B ≠ 0 but for `steps/from-zero-adapter`). */
export async function tinyBert(
  adapter = 'bert-cls/adapter',
  config = testConfig(),
): Promise<{ model: TrainableModel; initial: ReadonlyMap<string, tf.Tensor> }> {
  const directory = await openModelDirectory(`${FIXTURES}/bert-cls/model`);
  const loaded = await loadTrainableModel({
    directory,
    head: 'classification',
    labels: LABELS,
    adapter: config.adapter,
    seed: 0,
    initFrom: await readPeftAdapter(`${FIXTURES}/${adapter}`),
  });
  await directory.close();
  return loaded;
}
