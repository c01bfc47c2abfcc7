import type * as tf from '@tensorflow/tfjs-core';
import type { Batch } from '../data/batch';
import { crossEntropy } from '../ops/cross-entropy';
import type { ModelSpec, Network } from './architecture';

/** Sequence classification from logits [rows, labels]; its head's modules lie in `classifier`. */
export function sequenceClassifier(
  logits: (net: Network, batch: Batch) => tf.Tensor2D,
): Pick<ModelSpec, 'logits' | 'loss' | 'headPath'> {
  return {
    headPath: 'classifier',
    logits,
    loss: (net, batch) => crossEntropy(logits(net, batch), batch.labels),
  };
}
