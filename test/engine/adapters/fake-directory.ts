import type { ModelDirectory } from '../../../src/engine/formats/model-directory';

export interface FakeTensors {
  readonly [name: string]: readonly number[];
}

/** A model folder in memory: shapes by name, every value 0.01 or, in a norm, 1. */
export function fakeDirectory(
  config: Readonly<Record<string, unknown>>,
  tensors: FakeTensors,
): ModelDirectory {
  const shape = (name: string): readonly number[] => tensors[name] ?? [];
  return {
    dir: 'model',
    config,
    tokenizerFiles: {},
    weightFiles: [],
    names: () => Object.keys(tensors),
    has: (name) => name in tensors,
    shape,
    dtype: () => 'F32',
    readF32: async (name) => {
      const size = shape(name).reduce((product, n) => product * n, 1);
      const value = name.includes('LayerNorm') ? 1 : 0.01;
      return { shape: shape(name), values: new Float32Array(size).fill(value) };
    },
    close: async () => {},
  };
}

export const TINY_BERT = {
  model_type: 'bert',
  vocab_size: 11,
  hidden_size: 8,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  intermediate_size: 12,
  max_position_embeddings: 6,
};

/** The bare body of `TINY_BERT`, as `BertModel` saves it without a pooler. */
export const TINY_BERT_TENSORS: FakeTensors = {
  'embeddings.word_embeddings.weight': [11, 8],
  'embeddings.position_embeddings.weight': [6, 8],
  'embeddings.token_type_embeddings.weight': [2, 8],
  ...norm('embeddings.LayerNorm'),
  ...linear('encoder.layer.0.attention.self.query', 8, 8),
  ...linear('encoder.layer.0.attention.self.key', 8, 8),
  ...linear('encoder.layer.0.attention.self.value', 8, 8),
  ...linear('encoder.layer.0.attention.output.dense', 8, 8),
  ...norm('encoder.layer.0.attention.output.LayerNorm'),
  ...linear('encoder.layer.0.intermediate.dense', 12, 8),
  ...linear('encoder.layer.0.output.dense', 8, 12),
  ...norm('encoder.layer.0.output.LayerNorm'),
};

export function linear(path: string, out: number, inputs: number): FakeTensors {
  return { [`${path}.weight`]: [out, inputs], [`${path}.bias`]: [out] };
}

function norm(path: string): FakeTensors {
  return { [`${path}.weight`]: [8], [`${path}.bias`]: [8] };
}
