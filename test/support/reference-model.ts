import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadTrainableModel, type LoadedModel } from '../../src/engine/adapters/load-trainable';
import type { Batch } from '../../src/engine/data/batch';
import { openModelDirectory } from '../../src/engine/formats/model-directory';
import { readPeftAdapter, type PeftAdapter } from '../../src/engine/formats/peft-adapter';
import { openSafetensors } from '../../src/engine/formats/safetensors-read';

const FIXTURES = join(import.meta.dirname, '../reference/fixtures');

export const LABELS = ['contradiction', 'neutral', 'entailment'];

export const REFERENCE_MODELS = [
  'bert-cls',
  'roberta-cls',
  'bert-mlm',
  'roberta-mlm',
  'bert-cls-all-linear',
] as const;
export type ReferenceName = (typeof REFERENCE_MODELS)[number];

/** A tiny model and adapter that PEFT wrote, with a batch; see test/reference/README.md. */
export async function loadReference(name: ReferenceName): Promise<LoadedModel & { batch: Batch }> {
  const directory = await openModelDirectory(join(FIXTURES, modelOf(name), 'model'));
  const initFrom = await readReferenceAdapter(name);
  const head = name.endsWith('-mlm') ? 'masked-lm' : 'classification';
  try {
    const loaded = await loadTrainableModel({ directory, head, labels: LABELS, seed: 1, initFrom });
    return { ...loaded, batch: readBatch(join(FIXTURES, name, 'batch.json')) };
  } finally {
    await directory.close();
  }
}

export function readReferenceAdapter(name: ReferenceName): Promise<PeftAdapter> {
  return readPeftAdapter(join(FIXTURES, name, 'adapter'));
}

/** The folder of its base model. */
export function modelDirectory(name: ReferenceName): string {
  return join(FIXTURES, modelOf(name), 'model');
}

/** The adapter on all linear layers shares its model with the plain one. */
function modelOf(name: ReferenceName): string {
  return name.replace('-all-linear', '');
}

/** Everything that PyTorch computed, as float64, by name. */
export async function expectedValues(name: ReferenceName): Promise<Map<string, Float64Array>> {
  const file = await openSafetensors(join(FIXTURES, name, 'expected.safetensors'));
  const values = new Map<string, Float64Array>();
  for (const key of file.tensors.keys()) values.set(key, (await file.readF64(key)).values);
  await file.close();
  return values;
}

/** A batch as PyTorch got it. */
export interface RawBatch {
  readonly input_ids: number[][];
  readonly attention_mask: number[][];
  readonly token_type_ids: number[][] | null;
  readonly labels: number[] | number[][];
}

export function readBatch(path: string): Batch {
  return toBatch(JSON.parse(readFileSync(path, 'utf8')) as RawBatch);
}

export function toBatch(file: RawBatch): Batch {
  const rows = file.input_ids.length;
  const length = file.input_ids[0]?.length ?? 0;
  return {
    rows,
    length,
    inputIds: Int32Array.from(file.input_ids.flat()),
    typeIds: file.token_type_ids
      ? Int32Array.from(file.token_type_ids.flat())
      : new Int32Array(rows * length),
    mask: Int32Array.from(file.attention_mask.flat()),
    labels: Int32Array.from(file.labels.flat()),
  };
}

/** Largest difference, relative to the largest element of the expected values. */
export function relativeError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) return Infinity;
  let error = 0;
  let largest = 0;
  for (let i = 0; i < expected.length; i++) {
    const value = expected[i] as number;
    const difference = Math.abs((actual[i] as number) - value);
    // NaN must not pass.
    if (!(difference <= error)) error = difference;
    largest = Math.max(largest, Math.abs(value));
  }
  return error / largest;
}
