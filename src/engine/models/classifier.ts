import type * as tf from '@tensorflow/tfjs-core';
import type { Batch } from '../data/batch';
import { crossEntropy } from '../ops/cross-entropy';
import type { ModelSpec, Network, Prefix } from './architecture';
import type { EncoderBody } from './encoder';

/**
 * Sequence classification over a body; the head's modules lie in `classifier`.
 * @param head first tokens [rows, d] to [rows, labels]
 */
export function sequenceClassifier(
  { first }: EncoderBody,
  head: (net: Network, hidden: tf.Tensor2D) => tf.Tensor2D,
): Pick<ModelSpec, 'prefix' | 'logits' | 'loss' | 'headPath'> {
  const logits = (net: Network, batch: Batch, from?: Prefix): tf.Tensor2D =>
    head(net, first(net, batch, { from }));
  return {
    headPath: 'classifier',
    prefix: (net, batch, until) => first(net, batch, { until }),
    logits,
    loss: (net, batch, from) => crossEntropy(logits(net, batch, from), batch.labels),
  };
}
