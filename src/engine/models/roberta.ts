import * as tf from '@tensorflow/tfjs-core';
import type { Batch } from '../data/batch';
import { geluErf, tanh2 } from '../ops/activations';
import { crossEntropy } from '../ops/cross-entropy';
import type { Architecture, ModelSpec, Network, SpecOptions } from './architecture';
import { encode, encoderParts, linearSpec } from './encoder';
import { parseEncoderConfig, type EncoderConfig } from './encoder-config';
import { maskedLmLoss } from './masked-lm';
import { normaliseStateName } from './state-names';

/** RoBERTa: positions count the real tokens from pad id + 1; a classifier of two layers. */
export const roberta: Architecture = {
  modelType: 'roberta',
  spec: (options) => {
    const config = parseEncoderConfig(options, { vocab_size: 50265, pad_token_id: 1 });
    const shared = { config, encoded: encoder(config), ...common(config) };
    return options.head === 'classification'
      ? classifier(shared, options)
      : maskedLanguageModel(shared);
  },
};

type Encoded = (net: Network, batch: Batch, firstOnly: boolean) => tf.Tensor2D;
type Common = ReturnType<typeof common>;
type Shared = Common & { readonly config: EncoderConfig; readonly encoded: Encoded };

function common(config: EncoderConfig) {
  return {
    modelType: 'roberta',
    ...encoderParts('roberta', config),
    epsilon: config.layer_norm_eps,
    initializerRange: config.initializer_range,
    maxLength: longestSequence(config),
    vocabSize: config.vocab_size,
  };
}

function encoder(config: EncoderConfig): Encoded {
  const maxLength = longestSequence(config);
  return (net, batch, firstOnly) => {
    const positions = robertaPositions(batch, config.pad_token_id);
    return encode(net, batch, { prefix: 'roberta', config, maxLength, positions, firstOnly });
  };
}

/** Positions up to and including the pad id's are not used for text. */
function longestSequence(config: EncoderConfig): number {
  return config.max_position_embeddings - config.pad_token_id - 1;
}

/** cumsum(non-pad)·non-pad + pad id, in each row. */
function robertaPositions({ inputIds, rows, length }: Batch, padId: number): Int32Array {
  const positions = new Int32Array(rows * length).fill(padId);
  for (let row = 0; row < rows; row++) {
    let seen = 0;
    for (let i = row * length; i < (row + 1) * length; i++)
      if (inputIds[i] !== padId) positions[i] = ++seen + padId;
  }
  return positions;
}

function classifier({ config, encoded, ...shared }: Shared, { labels }: SpecOptions): ModelSpec {
  const d = config.hidden_size;
  const p = config.classifier_dropout ?? config.hidden_dropout_prob;
  const logits = (net: Network, batch: Batch): tf.Tensor2D => {
    const first = net.dropout(encoded(net, batch, true), p);
    const dense = tanh2(net.linear('classifier.dense', first));
    return net.linear('classifier.out_proj', net.dropout(dense, p));
  };
  return {
    ...shared,
    className: 'RobertaForSequenceClassification',
    linears: [
      ...shared.linears,
      linearSpec('classifier.dense', d, d, true),
      linearSpec('classifier.out_proj', d, labels, true),
    ],
    mayBeMissing: ['classifier.dense', 'classifier.out_proj'],
    headPath: 'classifier',
    stateName: (name) => stateName(name, [/^lm_head\./]),
    logits,
    loss: (net, batch) => crossEntropy(logits(net, batch), batch.labels),
  };
}

function maskedLanguageModel({ config, encoded, ...shared }: Shared): ModelSpec {
  const d = config.hidden_size;
  const head = (net: Network, hidden: tf.Tensor2D): tf.Tensor2D => {
    // transformers writes the exact GELU here, whatever hidden_act says.
    const dense = geluErf(net.linear('lm_head.dense', hidden));
    return net.linear('lm_head.decoder', net.norm('lm_head.layer_norm', dense));
  };
  const tied = config.tie_word_embeddings;
  return {
    ...shared,
    className: 'RobertaForMaskedLM',
    linears: [
      ...shared.linears,
      linearSpec('lm_head.dense', d, d),
      {
        ...linearSpec('lm_head.decoder', d, config.vocab_size, true),
        ...(tied && { weight: 'roberta.embeddings.word_embeddings.weight' }),
        bias: 'lm_head.bias',
      },
    ],
    norms: [...shared.norms, { path: 'lm_head.layer_norm', size: d }],
    mayBeMissing: [],
    headPath: undefined,
    stateName: (name) =>
      stateName(name, [
        /^classifier\./,
        /^lm_head\.decoder\.bias$/,
        ...(tied ? [/^lm_head\.decoder\.weight$/] : []),
      ]),
    logits: (net, batch) =>
      tf.reshape(head(net, encoded(net, batch, false)), [
        batch.rows,
        batch.length,
        config.vocab_size,
      ]),
    loss: (net, batch) =>
      maskedLmLoss(encoded(net, batch, false), batch, (kept) => head(net, kept)),
  };
}

function stateName(fileName: string, otherHeads: readonly RegExp[]): string | undefined {
  return normaliseStateName(fileName, {
    prefix: 'roberta',
    bodyParts: ['embeddings', 'encoder', 'pooler'],
    // Neither head uses the pooler of the pretraining files.
    ignored: [/\.position_ids$/, /^roberta\.pooler\./, ...otherHeads],
  });
}
