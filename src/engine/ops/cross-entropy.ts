import * as tf from '@tensorflow/tfjs-core';
import { logSoftmax2 } from './softmax';

/**
 * Mean cross-entropy of class indices, differentiable any number of times.
 * @param logits [n, classes]
 * @param labels n class indices
 */
export function crossEntropy(logits: tf.Tensor2D, labels: ArrayLike<number>): tf.Scalar {
  const [n, classes] = logits.shape;
  // The minus and the mean are put into the constant.
  const weights = new Float32Array(n * classes);
  for (let row = 0; row < n; row++) weights[row * classes + (labels[row] as number)] = -1 / n;
  return tf.sum(tf.mul(logSoftmax2(logits), tf.tensor2d(weights, [n, classes]))) as tf.Scalar;
}
