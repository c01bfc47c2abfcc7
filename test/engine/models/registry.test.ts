import { beforeAll, describe, expect, it } from 'vitest';
import { networkAt } from '../../../src/engine/adapters/network';
import { cpu } from '../../../src/engine/backends/cpu';
import type { ModelSpec } from '../../../src/engine/models/architecture';
import { ARCHITECTURES, modelSpec } from '../../../src/engine/models/registry';
import { describeError, isUserError } from '../../../src/shared/errors';
import { TINY_BERT } from '../adapters/fake-directory';

function spec(config: Readonly<Record<string, unknown>>): ModelSpec {
  return modelSpec({ config, file: 'config.json', head: 'classification', labels: 2 });
}

function refusal(config: Readonly<Record<string, unknown>>): string {
  try {
    spec(config);
  } catch (error) {
    if (isUserError(error)) return describeError(error);
    throw error;
  }
  return 'accepted';
}

describe('modelSpec', () => {
  it('names the supported models to one who has another', () => {
    expect(refusal({ model_type: 'gpt_neox' })).toBe(
      'config.json, model_type: this kind of model is not supported; ' +
        'expected bert or roberta, found "gpt_neox". Choose a BERT or RoBERTa model.',
    );
    expect(refusal({})).toContain('found nothing');
    expect(refusal({ model_type: 'constructor' })).toContain('not supported');
  });

  it.each([
    [{ hidden_size: 'x' }, 'hidden_size'],
    [{ hidden_act: 'swish2' }, 'hidden_act'],
    [{ hidden_size: 9 }, 'num_attention_heads'],
    [{ position_embedding_type: 'relative_key' }, 'position_embedding_type'],
    [{ is_decoder: true }, 'is_decoder'],
    [{ vocab_size: 0 }, 'vocab_size'],
  ])('refuses %o at its key', (change, key) => {
    expect(refusal({ ...TINY_BERT, ...change })).toContain(`config.json, ${key}: `);
  });

  it('takes the defaults of the class for what a config leaves out', () => {
    const bert = spec({ model_type: 'bert' });
    expect(bert.tables[0]).toMatchObject({ entries: 30522, width: 768 });
    expect(bert.linears.length).toBe(12 * 6 + 2);
    expect(bert.maxLength).toBe(512);
    const roberta = spec({ model_type: 'roberta', max_position_embeddings: 514 });
    expect(roberta.epsilon).toBe(1e-12);
    expect(roberta.maxLength).toBe(512);
  });

  it.each(Object.keys(ARCHITECTURES))('has no two parts of one name in %s', (model_type) => {
    for (const head of ['classification', 'masked-lm'] as const) {
      const { linears, norms, tables } = modelSpec({
        config: { ...TINY_BERT, model_type },
        file: 'config.json',
        head,
        labels: 2,
      });
      const paths = [...linears, ...norms, ...tables].map(({ path }) => path);
      expect(new Set(paths).size).toBe(paths.length);
    }
  });
});

describe('a batch that does not fit the model', () => {
  beforeAll(() => cpu.start());
  const parts = {
    frozen: new Map(),
    norms: new Map(),
    tables: new Map(),
    adapted: new Map(),
    rowSquares: new Map(),
    bottlenecks: new Map(),
    epsilon: 1,
    loraDropout: 0,
  };
  const batch = (inputIds: number[]): Parameters<ModelSpec['logits']>[1] => ({
    rows: 1,
    length: inputIds.length,
    inputIds: Int32Array.from(inputIds),
    typeIds: new Int32Array(inputIds.length),
    mask: new Int32Array(inputIds.length).fill(1),
    labels: Int32Array.of(0),
  });

  it.each([
    ['sequence-too-long', [1, 1, 1, 1, 1, 1, 1]],
    ['token-out-of-range', [1, 11]],
    ['token-out-of-range', [1, -1]],
  ])('ends in %s', (code, inputIds) => {
    const net = networkAt(parts, new Map(), undefined);
    expect(() => spec(TINY_BERT).logits(net, batch(inputIds))).toThrow(
      expect.objectContaining({ code }) as Error,
    );
  });
});
