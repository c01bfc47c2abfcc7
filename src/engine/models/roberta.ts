import type * as tf from '@tensorflow/tfjs-core';
import type { Batch } from '../data/batch';
import { geluErf, tanh2 } from '../ops/activations';
import type { Architecture, ModelSpec, Network } from './architecture';
import { sequenceClassifier } from './classifier';
import { encoderBody, linearSpec, type EncoderBody } from './encoder';
import { parseEncoderConfig } from './encoder-config';
import { maskedLm } from './masked-lm';
import { normaliseStateName } from './state-names';

/** RoBERTa: positions count the real tokens from pad id + 1; a classifier of two layers. */
export const roberta: Architecture = {
  modelType: 'roberta',
  spec: (options) => {
    const config = parseEncoderConfig(options, { vocab_size: 50265, pad_token_id: 1 });
    const padId = config.pad_token_id;
    const body = encoderBody(config, {
      modelType: 'roberta',
      // Text starts after the pad id's position.
      maxLength: config.max_position_embeddings - padId - 1,
      positions: (batch) => positionsAfter(padId, batch),
    });
    return options.head === 'classification'
      ? classifier(body, options.labels)
      : maskedLanguageModel(body);
  },
};

/** cumsum(non-pad)·non-pad + pad id, in each row. */
function positionsAfter(padId: number, { inputIds, rows, length }: Batch): Int32Array {
  const positions = new Int32Array(rows * length).fill(padId);
  for (let row = 0; row < rows; row++) {
    let seen = 0;
    for (let i = row * length; i < (row + 1) * length; i++)
      if (inputIds[i] !== padId) positions[i] = ++seen + padId;
  }
  return positions;
}

function classifier(body: EncoderBody, labels: number): ModelSpec {
  const { spec, config } = body;
  const d = config.hidden_size;
  const p = config.classifier_dropout ?? config.hidden_dropout_prob;
  return {
    ...spec,
    className: 'RobertaForSequenceClassification',
    linears: [
      ...spec.linears,
      linearSpec('classifier.dense', d, d, true),
      linearSpec('classifier.out_proj', d, labels, true),
    ],
    mayBeMissing: ['classifier.dense', 'classifier.out_proj'],
    stateName: (name) => stateName(name, [/^lm_head\./]),
    ...sequenceClassifier(body, (net, first) => {
      const dense = net.linear('classifier.dense', net.dropout(first, p));
      return net.linear('classifier.out_proj', net.dropout(tanh2(dense), p));
    }),
  };
}

function maskedLanguageModel(body: EncoderBody): ModelSpec {
  const { spec, config } = body;
  const d = config.hidden_size;
  const tied = config.tie_word_embeddings;
  const head = (net: Network, hidden: tf.Tensor2D): tf.Tensor2D => {
    // transformers has the exact GELU here, whatever hidden_act says.
    const dense = geluErf(net.linear('lm_head.dense', hidden));
    return net.linear('lm_head.decoder', net.norm('lm_head.layer_norm', dense));
  };
  return {
    ...spec,
    className: 'RobertaForMaskedLM',
    linears: [
      ...spec.linears,
      linearSpec('lm_head.dense', d, d),
      {
        ...linearSpec('lm_head.decoder', d, config.vocab_size, true),
        ...(tied && { weight: 'roberta.embeddings.word_embeddings.weight' }),
        bias: 'lm_head.bias',
      },
    ],
    norms: [...spec.norms, { path: 'lm_head.layer_norm', size: d }],
    stateName: (name) =>
      stateName(name, [
        /^classifier\./,
        /^lm_head\.decoder\.bias$/,
        ...(tied ? [/^lm_head\.decoder\.weight$/] : []),
      ]),
    ...maskedLm(body, head),
  };
}

function stateName(fileName: string, otherHeads: readonly RegExp[]): string | undefined {
  return normaliseStateName(fileName, {
    prefix: 'roberta',
    // Neither head uses the pooler of the pretraining files.
    ignored: [/\.position_ids$/, /^roberta\.pooler\./, ...otherHeads],
  });
}
