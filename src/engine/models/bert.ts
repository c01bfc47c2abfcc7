import * as tf from '@tensorflow/tfjs-core';
import type { Batch } from '../data/batch';
import { ACTIVATIONS, tanh2 } from '../ops/activations';
import { crossEntropy } from '../ops/cross-entropy';
import type { Architecture, ModelSpec, Network, SpecOptions } from './architecture';
import { encode, encoderParts, linearSpec } from './encoder';
import { parseEncoderConfig, type EncoderConfig } from './encoder-config';
import { maskedLmLoss } from './masked-lm';
import { normaliseStateName } from './state-names';

/** BERT: positions from 0, a tanh pooler under the classifier, a tied decoder for masked LM. */
export const bert: Architecture = {
  modelType: 'bert',
  spec: (options) => {
    const config = parseEncoderConfig(options, { vocab_size: 30522, pad_token_id: 0 });
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
    modelType: 'bert',
    ...encoderParts('bert', config),
    epsilon: config.layer_norm_eps,
    initializerRange: config.initializer_range,
    maxLength: config.max_position_embeddings,
    vocabSize: config.vocab_size,
  };
}

function encoder(config: EncoderConfig): Encoded {
  const maxLength = config.max_position_embeddings;
  return (net, batch, firstOnly) => {
    const positions = batch.inputIds.map((_, index) => index % batch.length);
    return encode(net, batch, { prefix: 'bert', config, maxLength, positions, firstOnly });
  };
}

function classifier({ config, encoded, ...shared }: Shared, { labels }: SpecOptions): ModelSpec {
  const d = config.hidden_size;
  const logits = (net: Network, batch: Batch): tf.Tensor2D => {
    const first = encoded(net, batch, true);
    const pooled = tanh2(net.linear('bert.pooler.dense', first));
    const p = config.classifier_dropout ?? config.hidden_dropout_prob;
    return net.linear('classifier', net.dropout(pooled, p));
  };
  return {
    ...shared,
    className: 'BertForSequenceClassification',
    linears: [
      ...shared.linears,
      linearSpec('bert.pooler.dense', d, d),
      linearSpec('classifier', d, labels, true),
    ],
    mayBeMissing: ['bert.pooler.dense', 'classifier'],
    headPath: 'classifier',
    stateName: (name) => stateName(name, [/^cls\./]),
    logits,
    loss: (net, batch) => crossEntropy(logits(net, batch), batch.labels),
  };
}

function maskedLanguageModel({ config, encoded, ...shared }: Shared): ModelSpec {
  const d = config.hidden_size;
  const head = (net: Network, hidden: tf.Tensor2D): tf.Tensor2D => {
    const dense = net.linear('cls.predictions.transform.dense', hidden);
    const transformed = net.norm(
      'cls.predictions.transform.LayerNorm',
      ACTIVATIONS[config.hidden_act](dense),
    );
    return net.linear('cls.predictions.decoder', transformed);
  };
  const tied = config.tie_word_embeddings;
  return {
    ...shared,
    className: 'BertForMaskedLM',
    linears: [
      ...shared.linears,
      linearSpec('cls.predictions.transform.dense', d, d),
      {
        ...linearSpec('cls.predictions.decoder', d, config.vocab_size, true),
        ...(tied && { weight: 'bert.embeddings.word_embeddings.weight' }),
        bias: 'cls.predictions.bias',
      },
    ],
    norms: [...shared.norms, { path: 'cls.predictions.transform.LayerNorm', size: d }],
    mayBeMissing: [],
    headPath: undefined,
    stateName: (name) =>
      stateName(name, [
        /^bert\.pooler\./,
        /^classifier\./,
        /^cls\.predictions\.decoder\.bias$/,
        ...(tied ? [/^cls\.predictions\.decoder\.weight$/] : []),
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
    prefix: 'bert',
    bodyParts: ['embeddings', 'encoder', 'pooler'],
    ignored: [/\.position_ids$/, /^cls\.seq_relationship\./, ...otherHeads],
  });
}
