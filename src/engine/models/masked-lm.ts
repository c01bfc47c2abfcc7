import * as tf from '@tensorflow/tfjs-core';
import { IGNORED_LABEL, type Batch } from '../data/batch';
import { crossEntropy } from '../ops/cross-entropy';
import type { ModelSpec, Network } from './architecture';
import type { EncoderBody } from './encoder';

/**
 * Masked language modelling over a body. In the loss, only positions with a label go through the
 * head, whose vocabulary makes it the most expensive part.
 * @param head [n, d] to [n, vocabulary]
 */
export function maskedLm(
  { all, config }: EncoderBody,
  head: (net: Network, hidden: tf.Tensor2D) => tf.Tensor2D,
): Pick<ModelSpec, 'prefix' | 'logits' | 'loss' | 'headPath' | 'mayBeMissing'> {
  return {
    headPath: undefined,
    mayBeMissing: [],
    prefix: (net, batch, until) => all(net, batch, { until }),
    logits: (net, batch, from) =>
      tf.reshape(head(net, all(net, batch, { from })), [
        ...[batch.rows, batch.length],
        config.vocab_size,
      ]),
    loss: (net, batch, from) => {
      const { positions, labels } = labelled(batch);
      return crossEntropy(head(net, takeRows(all(net, batch, { from }), positions)), labels);
    },
  };
}

/** The positions in [rows·length] that have a label. */
function labelled({ labels }: Batch): { positions: number[]; labels: number[] } {
  const positions = [...labels.keys()].filter((position) => labels[position] !== IGNORED_LABEL);
  if (positions.length === 0) throw new Error('a masked-LM batch needs at least one label');
  return { positions, labels: positions.map((position) => labels[position] as number) };
}

/** As a product with a selection matrix: the gradient of `tf.gather` does not exist on wasm. */
function takeRows(x: tf.Tensor2D, rows: readonly number[]): tf.Tensor2D {
  const selection = new Float32Array(rows.length * x.shape[0]);
  rows.forEach((row, index) => (selection[index * x.shape[0] + row] = 1));
  return tf.matMul(tf.tensor2d(selection, [rows.length, x.shape[0]]), x);
}
