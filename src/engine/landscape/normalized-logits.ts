import * as tf from '@tensorflow/tfjs-core';
import type { TrainableModel } from '../adapters/trainable-model';
import { exampleLosses } from '../adapters/example-losses';
import { IGNORED_LABEL, type Batch } from '../data/batch';
import { logSoftmax2 } from '../ops/softmax';

/**
 * The model with logits that are centred and divided by their norm, position by position, before the
 * loss: scaling the last layer then changes nothing (arXiv 2302.07011). Evaluation mode only.
 */
export function withNormalizedLogits(model: TrainableModel): TrainableModel {
  const logits: TrainableModel['logits'] = (parameters, batch, from) =>
    normalized(model.logits(parameters, batch, from));
  return {
    ...model,
    logits,
    loss: (parameters, batch, _dropout, from) =>
      labelledCrossEntropy(logits(parameters, batch, from), batch),
    exampleLosses: (parameters, batch, _dropout, from) =>
      exampleLosses(logits(parameters, batch, from), batch),
  };
}

/** A shorter row of logits is divided by this. */
const SHORTEST = 1e-10;

function normalized(logits: tf.Tensor): tf.Tensor {
  const centred = tf.sub(logits, tf.mean(logits, -1, true));
  const norms = tf.sqrt(tf.sum(tf.mul(centred, centred), -1, true));
  return tf.div(centred, tf.maximum(norms, SHORTEST));
}

/** Mean over the labelled positions. */
function labelledCrossEntropy(logits: tf.Tensor, { labels }: Batch): tf.Scalar {
  const classes = logits.shape.at(-1) as number;
  const labelled = [...labels.keys()].filter((i) => labels[i] !== IGNORED_LABEL);
  const weights = new Float32Array(logits.size);
  for (const i of labelled) weights[i * classes + (labels[i] as number)] = -1 / labelled.length;
  const logP = logSoftmax2(tf.reshape(logits, [-1, classes]));
  return tf.sum(tf.mul(logP, tf.tensor2d(weights, [labels.length, classes]))) as tf.Scalar;
}
