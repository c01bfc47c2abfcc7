import * as tf from '@tensorflow/tfjs-core';
import { IGNORED_LABEL, type Batch } from '../data/batch';
import { crossEntropy } from '../ops/cross-entropy';
import { product } from '../ops/product';

/**
 * Mean cross-entropy over the positions that have a label. Only their rows go through the head,
 * whose vocabulary makes it the most expensive part.
 * @param hidden [rows·length, d]
 * @param head [kept, d] to [kept, vocabulary]
 */
export function maskedLmLoss(
  hidden: tf.Tensor2D,
  batch: Batch,
  head: (kept: tf.Tensor2D) => tf.Tensor2D,
): tf.Scalar {
  const kept: number[] = [];
  batch.labels.forEach((label, position) => {
    if (label !== IGNORED_LABEL) kept.push(position);
  });
  if (kept.length === 0) throw new Error('a masked-LM batch needs at least one label');
  const labels = kept.map((position) => batch.labels[position] as number);
  return crossEntropy(head(takeRows(hidden, kept)), labels);
}

/** As a product with a selection matrix: the gradient of `tf.gather` does not exist on wasm. */
function takeRows(x: tf.Tensor2D, rows: readonly number[]): tf.Tensor2D {
  const selection = new Float32Array(rows.length * x.shape[0]);
  rows.forEach((row, index) => (selection[index * x.shape[0] + row] = 1));
  return product(tf.tensor2d(selection, [rows.length, x.shape[0]]), x);
}
