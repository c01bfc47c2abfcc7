import type * as tf from '@tensorflow/tfjs-core';
import { ACTIVATIONS, tanh2 } from '../ops/activations';
import type { Architecture, ModelSpec, Network } from './architecture';
import { sequenceClassifier } from './classifier';
import { encoderBody, linearSpec, type EncoderBody } from './encoder';
import { parseEncoderConfig } from './encoder-config';
import { maskedLm } from './masked-lm';
import { normaliseStateName } from './state-names';

/** BERT: positions from 0, a tanh pooler under the classifier, a tied decoder for masked LM. */
export const bert: Architecture = {
  modelType: 'bert',
  spec: (options) => {
    const config = parseEncoderConfig(options, { vocab_size: 30522, pad_token_id: 0 });
    const body = encoderBody(config, {
      modelType: 'bert',
      maxLength: config.max_position_embeddings,
      positions: ({ inputIds, length }) => inputIds.map((_, index) => index % length),
    });
    return options.head === 'classification'
      ? classifier(body, options.labels)
      : maskedLanguageModel(body);
  },
};

function classifier(body: EncoderBody, labels: number): ModelSpec {
  const { spec, config } = body;
  const d = config.hidden_size;
  const p = config.classifier_dropout ?? config.hidden_dropout_prob;
  return {
    ...spec,
    className: 'BertForSequenceClassification',
    linears: [
      ...spec.linears,
      linearSpec('bert.pooler.dense', d, d),
      linearSpec('classifier', d, labels, true),
    ],
    mayBeMissing: ['bert.pooler.dense', 'classifier'],
    stateName: (name) => stateName(name, [/^cls\./]),
    ...sequenceClassifier(body, (net, first) => {
      const pooled = tanh2(net.linear('bert.pooler.dense', first));
      return net.linear('classifier', net.dropout(pooled, p));
    }),
  };
}

function maskedLanguageModel(body: EncoderBody): ModelSpec {
  const { spec, config } = body;
  const d = config.hidden_size;
  const tied = config.tie_word_embeddings;
  const transform = 'cls.predictions.transform';
  const head = (net: Network, hidden: tf.Tensor2D): tf.Tensor2D => {
    const dense = net.linear(`${transform}.dense`, hidden);
    const normed = net.norm(`${transform}.LayerNorm`, ACTIVATIONS[config.hidden_act](dense));
    return net.linear('cls.predictions.decoder', normed);
  };
  return {
    ...spec,
    className: 'BertForMaskedLM',
    linears: [
      ...spec.linears,
      linearSpec(`${transform}.dense`, d, d),
      {
        ...linearSpec('cls.predictions.decoder', d, config.vocab_size, true),
        ...(tied && { weight: 'bert.embeddings.word_embeddings.weight' }),
        bias: 'cls.predictions.bias',
      },
    ],
    norms: [...spec.norms, { path: `${transform}.LayerNorm`, size: d }],
    stateName: (name) =>
      stateName(name, [
        /^bert\.pooler\./,
        /^classifier\./,
        /^cls\.predictions\.decoder\.bias$/,
        ...(tied ? [/^cls\.predictions\.decoder\.weight$/] : []),
      ]),
    ...maskedLm(body, head),
  };
}

function stateName(fileName: string, otherHeads: readonly RegExp[]): string | undefined {
  return normaliseStateName(fileName, {
    prefix: 'bert',
    ignored: [/\.position_ids$/, /^cls\.seq_relationship\./, ...otherHeads],
  });
}
