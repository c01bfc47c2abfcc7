import * as tf from '@tensorflow/tfjs-core';
import { IGNORED_LABEL, type Batch } from '../data/batch';
import { logSoftmax2 } from '../ops/softmax';

/**
 * Cross-entropy of each example [rows]: of its label, or the mean over its labelled positions (0 if
 * it has none).
 * @param logits [rows, classes] or [rows, length, vocabulary]
 */
export function exampleLosses(logits: tf.Tensor, { rows, labels }: Batch): tf.Tensor1D {
  return tf.tidy(() => {
    const classes = logits.shape.at(-1) as number;
    const positions = logits.size / classes;
    const perRow = positions / rows;
    const weights = new Float32Array(logits.size);
    for (let row = 0; row < rows; row++) {
      const at = Array.from({ length: perRow }, (_, i) => row * perRow + i);
      const labelled = at.filter((i) => labels[i] !== IGNORED_LABEL);
      for (const i of labelled) weights[i * classes + (labels[i] as number)] = -1 / labelled.length;
    }
    const logP = logSoftmax2(tf.reshape(logits, [positions, classes]));
    const each = tf.sum(tf.mul(logP, tf.tensor2d(weights, [positions, classes])), 1);
    return tf.sum(tf.reshape(each, [rows, perRow]), 1) as tf.Tensor1D;
  });
}
