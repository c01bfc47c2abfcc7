import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadTrainableModel, type LoadedModel } from '../../../src/engine/adapters/load-trainable';
import { cpu } from '../../../src/engine/backends/cpu';
import type { ModelDirectory } from '../../../src/engine/formats/model-directory';
import { openModelDirectory } from '../../../src/engine/formats/model-directory';
import { configSchema, type Config } from '../../../src/shared/config/schema';
import { fakeDirectory, linear, TINY_BERT, TINY_BERT_TENSORS } from './fake-directory';
import {
  expectedValues,
  LABELS,
  loadReference,
  modelDirectory,
  readReferenceAdapter,
  relativeError,
} from '../../support/reference-model';

const WITH_POOLER = { ...TINY_BERT_TENSORS, ...linear('pooler.dense', 8, 8) };

function adapterOf(settings: object = {}): Config['adapter'] {
  const rest = { model: { name_or_path: 'm' }, task: { train: 't' } };
  return configSchema.parse({ ...rest, adapter: settings }).adapter;
}

function load(
  directory: ModelDirectory,
  settings: object = {},
  more: { labels?: string[]; seed?: number } = {},
): Promise<LoadedModel> {
  return loadTrainableModel({
    directory,
    head: 'classification',
    labels: ['no', 'yes'],
    adapter: adapterOf(settings),
    seed: 1,
    ...more,
  });
}

beforeAll(() => cpu.start());

describe('a fresh adapter', () => {
  it('has the keys and shapes that PEFT would save', async () => {
    const { initial, model } = await load(fakeDirectory(TINY_BERT, WITH_POOLER), { r: 3 });
    const path = 'base_model.model.bert.encoder.layer.0.attention.self';
    expect([...initial].map(([key, { shape }]) => [key, shape])).toEqual([
      [`${path}.query.lora_A.weight`, [3, 8]],
      [`${path}.query.lora_B.weight`, [8, 3]],
      [`${path}.value.lora_A.weight`, [3, 8]],
      [`${path}.value.lora_B.weight`, [8, 3]],
      ['base_model.model.classifier.weight', [2, 8]],
      ['base_model.model.classifier.bias', [2]],
    ]);
    expect(model.modules.map(({ path, scaling }) => [path, scaling])).toEqual([
      ['bert.encoder.layer.0.attention.self.query', 16 / 3],
      ['bert.encoder.layer.0.attention.self.value', 16 / 3],
    ]);
    expect(model.headKeys).toEqual([
      'base_model.model.classifier.weight',
      'base_model.model.classifier.bias',
    ]);
    expect(model.architecture).toBe('BertForSequenceClassification');
  });

  it('starts with A uniform in ±1/√in and B = 0', async () => {
    const { initial } = await load(fakeDirectory(TINY_BERT, WITH_POOLER), { r: 1024 });
    const a = [...initial.values()][0]?.dataSync() ?? [];
    const bound = 1 / Math.sqrt(8);
    const variance = Array.from(a).reduce((sum, x) => sum + x * x, 0) / a.length;
    // Five standard deviations of the mean square of 8192 draws.
    expect(Math.abs(variance / (bound ** 2 / 3) - 1)).toBeLessThan((5 * Math.sqrt(0.8)) / 90);
    expect(Math.max(...Array.from(a, Math.abs))).toBeLessThanOrEqual(bound);
    expect([...initial.values()][1]?.dataSync().every((x) => x === 0)).toBe(true);
  });

  it('starts with A normal of deviation 1/r when gaussian', async () => {
    const settings = { r: 1024, init_lora_weights: 'gaussian' };
    const { initial } = await load(fakeDirectory(TINY_BERT, WITH_POOLER), settings);
    const a = [...initial.values()][0]?.dataSync() ?? [];
    const variance = Array.from(a).reduce((sum, x) => sum + x * x, 0) / a.length;
    expect(Math.abs(variance * 1024 ** 2 - 1)).toBeLessThan((5 * Math.SQRT2) / 90);
    // Heavier tails than any uniform distribution has.
    expect(Math.max(...Array.from(a, Math.abs)) * 1024).toBeGreaterThan(3);
  });

  it('is the same for one seed and another for the next', async () => {
    const a = async (seed: number): Promise<number[]> => {
      const { initial } = await load(fakeDirectory(TINY_BERT, WITH_POOLER), {}, { seed });
      return [...initial.values()].flatMap((tensor) => Array.from(tensor.dataSync()));
    };
    expect(await a(5)).toEqual(await a(5));
    expect(await a(5)).not.toEqual(await a(6));
  });

  it('does not change what the base model computes', async () => {
    const { model, initial } = await load(await directoryOf('bert-cls'), {}, { labels: LABELS });
    const { batch } = await loadReference('bert-cls');
    const expected = (await expectedValues('bert-cls')).get('base-logits') ?? [];
    expect(relativeError(model.logits(initial, batch).dataSync(), expected)).toBeLessThan(1e-5);
  });

  it('names its targets explicitly, ready for PEFT', async () => {
    const directory = fakeDirectory(TINY_BERT, WITH_POOLER);
    const targets = async (settings: object): Promise<unknown> =>
      (await load(directory, settings)).peft?.target_modules;
    expect(await targets({})).toEqual(['query', 'value']);
    expect(await targets({ target_modules: ['key'] })).toEqual(['key']);
    expect(await targets({ target_modules: 'all-linear' })).toEqual([
      'query',
      'key',
      'value',
      'dense',
    ]);
    expect(await targets({ target_modules: '.*(intermediate|output).dense' })).toEqual([
      'bert.encoder.layer.0.attention.output.dense',
      'bert.encoder.layer.0.intermediate.dense',
      'bert.encoder.layer.0.output.dense',
    ]);
    expect((await load(directory)).peft?.modules_to_save).toEqual(['classifier', 'score']);
  });

  it('trains what modules_to_save lists, and counts it', async () => {
    const directory = fakeDirectory(TINY_BERT, WITH_POOLER);
    const settings = { r: 2, modules_to_save: ['pooler', 'LayerNorm'] };
    const { model, counts, initial } = await load(directory, settings);
    expect(model.headKeys).toContain('base_model.model.bert.pooler.dense.weight');
    expect(model.headKeys).toContain('base_model.model.bert.embeddings.LayerNorm.bias');
    const saved = 8 * 8 + 8 + 3 * 16 + (2 * 8 + 2);
    expect(counts.trainable).toBe(saved + 2 * (2 * 8 + 8 * 2));
    expect(model.headKeys.every((key) => initial.has(key))).toBe(true);
  });

  it('trains embeddings', async () => {
    const directory = fakeDirectory(TINY_BERT, WITH_POOLER);
    const { model } = await load(directory, { modules_to_save: ['word_embeddings'] });
    expect(model.headKeys).toContain('base_model.model.bert.embeddings.word_embeddings.weight');
  });
});

describe('weights', () => {
  it.each([
    ['with the prefix', (name: string) => `bert.${name}`],
    [
      'with the old names of norms',
      (name: string) =>
        name
          .replace('LayerNorm.weight', 'LayerNorm.gamma')
          .replace('LayerNorm.bias', 'LayerNorm.beta'),
    ],
  ])('are found %s', async (_, rename) => {
    const tensors = Object.fromEntries(
      Object.entries(WITH_POOLER).map(([name, shape]) => [rename(name), shape]),
    );
    const { warnings } = await load(fakeDirectory(TINY_BERT, tensors));
    expect(warnings).toEqual(['classifier starts at random: the checkpoint does not have it']);
  });

  it('of other heads are passed over', async () => {
    const others = {
      ...linear('cls.seq_relationship', 2, 8),
      'cls.predictions.bias': [11],
      'embeddings.position_ids': [1, 6],
    };
    await load(fakeDirectory(TINY_BERT, { ...WITH_POOLER, ...others }));
  });

  it('of a missing pooler start at random, with a warning', async () => {
    const { warnings } = await load(fakeDirectory(TINY_BERT, TINY_BERT_TENSORS));
    expect(warnings).toContain(
      'bert.pooler.dense starts at random: the checkpoint does not have it',
    );
  });

  it('of a head for another number of labels start at random, with a warning', async () => {
    const tensors = { ...WITH_POOLER, ...linear('classifier', 5, 8) };
    const { warnings, initial } = await load(fakeDirectory(TINY_BERT, tensors));
    expect(warnings).toEqual([
      'classifier starts at random: the checkpoint has it for another number of labels',
    ]);
    const values = initial.get('base_model.model.classifier.weight')?.dataSync() ?? [];
    expect(Math.max(...Array.from(values, Math.abs))).toBeLessThan(0.02 * 5);
    expect(values[0]).not.toBe(0.01);
  });

  it('that are missing are named', async () => {
    const { 'encoder.layer.0.output.dense.bias': _, ...tensors } = WITH_POOLER;
    await expect(load(fakeDirectory(TINY_BERT, tensors))).rejects.toMatchObject({
      code: 'tensor-missing',
      place: { file: 'model', at: 'bert.encoder.layer.0.output.dense.bias' },
    });
  });

  it('of another shape are named, with both shapes', async () => {
    const tensors = { ...WITH_POOLER, ...linear('encoder.layer.0.output.dense', 8, 13) };
    await expect(load(fakeDirectory(TINY_BERT, tensors))).rejects.toMatchObject({
      code: 'tensor-shape',
      place: { at: 'encoder.layer.0.output.dense.weight' },
      expected: '[8, 12]',
      found: '[8, 13]',
    });
  });

  it('that belong to nothing are named', async () => {
    const tensors = { ...WITH_POOLER, ...linear('encoder.layer.1.output.dense', 8, 12) };
    await expect(load(fakeDirectory(TINY_BERT, tensors))).rejects.toMatchObject({
      code: 'tensor-unexpected',
      place: { at: 'encoder.layer.1.output.dense.weight' },
    });
  });

  it('are counted while they are read, up to the last', async () => {
    const seen: number[][] = [];
    const options = { head: 'classification', labels: ['a', 'b'], seed: 1 } as const;
    const directory = fakeDirectory(TINY_BERT, WITH_POOLER);
    const onProgress = (done: number, total: number): void => void seen.push([done, total]);
    await loadTrainableModel({ ...options, directory, onProgress });
    expect(seen.at(-1)?.[0]).toBe(seen.at(-1)?.[1]);
    expect(seen.length).toBe(seen[0]?.[1]);
  });
});

describe('the base model alone', () => {
  it('has nothing to train and the logits of transformers', async () => {
    const directory = await directoryOf('roberta-cls');
    const options = { head: 'classification', labels: LABELS, seed: 1 } as const;
    const { model, initial, peft } = await loadTrainableModel({ ...options, directory });
    expect(initial.size).toBe(0);
    expect(peft).toBeUndefined();
    const { batch } = await loadReference('roberta-cls');
    const expected = (await expectedValues('roberta-cls')).get('base-logits') ?? [];
    expect(relativeError(model.logits(new Map(), batch).dataSync(), expected)).toBeLessThan(1e-5);
  });
});

describe('a saved adapter', () => {
  it.each([
    [{ r: 8 }, /rank 8/, /rank 4/],
    [{ r: 4, lora_alpha: 4 }, /scale 1\)/, /scale 2\)/],
    [{ r: 4, lora_alpha: 8, target_modules: ['query'] }, /no .*value/, /value/],
    [{ r: 4, lora_alpha: 8, modules_to_save: ['pooler'] }, /pooler/, /no .*pooler/],
  ])('of another form than %o is refused with both forms', async (settings, expected, found) => {
    const initFrom = await readReferenceAdapter('bert-cls');
    const directory = await directoryOf('bert-cls');
    const adapter = adapterOf(settings);
    const options = { head: 'classification', labels: LABELS, seed: 1 } as const;
    await expect(
      loadTrainableModel({ ...options, directory, adapter, initFrom }),
    ).rejects.toMatchObject({
      code: 'adapter-mismatch',
      expected: expect.stringMatching(expected) as string,
      found: expect.stringMatching(found) as string,
    });
  });

  it('for another number of labels is refused by its head', async () => {
    const initFrom = await readReferenceAdapter('bert-cls');
    const directory = await directoryOf('bert-cls');
    const options = { head: 'classification', labels: ['a', 'b'], seed: 1 } as const;
    await expect(loadTrainableModel({ ...options, directory, initFrom })).rejects.toMatchObject({
      code: 'adapter-shape',
      expected: '[2, 32]',
      found: '[3, 32]',
    });
  });
});

describe('memory', () => {
  it('holds as many tensors after each step as before, with and without dropout', async () => {
    const before = tf.memory().numTensors;
    const { model, initial, batch } = await loadReference('bert-cls');
    const keys = [...initial.keys()];
    const counts = [0, 1, 2, 3].map((seed) => {
      const { value, grads } = tf.valueAndGrads((...values) =>
        model.loss(new Map(keys.map((key, i) => [key, values[i] as tf.Tensor])), batch, {
          seed,
        }),
      )([...initial.values()]);
      tf.dispose([value, ...grads]);
      return tf.memory().numTensors;
    });
    expect(new Set(counts).size).toBe(1);
    tf.dispose([...initial.values()]);
    model.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe('dropout', () => {
  const config = { ...TINY_BERT, hidden_dropout_prob: 0.2 };
  const batch = {
    rows: 2,
    length: 3,
    inputIds: Int32Array.of(1, 2, 3, 4, 5, 0),
    typeIds: new Int32Array(6),
    mask: Int32Array.of(1, 1, 1, 1, 1, 0),
    labels: Int32Array.of(0, 1),
  };

  it('is replayed by an equal seed, drawn anew by another, and absent in evaluation', async () => {
    const { model, initial } = await load(fakeDirectory(config, WITH_POOLER), {
      lora_dropout: 0.3,
    });
    const loss = (seed?: number): number | undefined =>
      model.loss(initial, batch, seed === undefined ? undefined : { seed }).dataSync()[0];
    expect(loss(1)).toBe(loss(1));
    expect(loss(1)).not.toBe(loss(2));
    expect(loss()).toBe(loss());
    expect(loss()).not.toBe(loss(1));
  });

  it('of the LoRA branch leaves the base model as it is', async () => {
    const silent = { ...TINY_BERT, hidden_dropout_prob: 0, attention_probs_dropout_prob: 0 };
    const { model, initial } = await load(fakeDirectory(silent, WITH_POOLER), {
      lora_dropout: 0.5,
    });
    // B = 0, so that only dropout outside the branch could be seen.
    expect(model.loss(initial, batch, { seed: 1 }).dataSync()).toEqual(
      model.loss(initial, batch).dataSync(),
    );
  });
});

const opened: ModelDirectory[] = [];

async function directoryOf(name: 'bert-cls' | 'roberta-cls'): Promise<ModelDirectory> {
  const directory = await openModelDirectory(modelDirectory(name));
  opened.push(directory);
  return directory;
}

afterAll(() => Promise.all(opened.map((directory) => directory.close())));
