import * as tf from '@tensorflow/tfjs-core';
import { softmax2 } from './softmax';

export interface AttentionOptions {
  /** Sequences in the batch. */
  readonly rows: number;
  readonly heads: number;
  /** Added to the scores: 0 where the key is real, hugely negative where it pads. [rows, 1, 1, keys] */
  readonly bias: tf.Tensor4D;
  /** Applied to the attention probabilities [rows, heads, queries, keys] in training. */
  readonly dropout: (probabilities: tf.Tensor4D) => tf.Tensor4D;
}

/**
 * Multi-head attention softmax(QKᵀ/√h + bias)·V, h = d/heads.
 * @param query [rows·queries, d]
 * @param key [rows·keys, d], as `value`
 * @returns [rows·queries, d]
 */
export function attention(
  query: tf.Tensor2D,
  key: tf.Tensor2D,
  value: tf.Tensor2D,
  options: AttentionOptions,
): tf.Tensor2D {
  const d = query.shape[1];
  const scaled = tf.mul(query, 1 / Math.sqrt(d / options.heads)) as tf.Tensor2D;
  const [q, k, v] = [scaled, key, value].map((x) => splitHeads(x, options)) as Heads;
  const scores = tf.add(tf.matMul<tf.Tensor4D>(q, k, false, true), options.bias);
  const probabilities = options.dropout(softmax2(scores as tf.Tensor4D));
  const mixed = tf.matMul<tf.Tensor4D>(probabilities, v);
  return joinHeads(mixed);
}

type Heads = [tf.Tensor4D, tf.Tensor4D, tf.Tensor4D];

/** [rows·length, d] to [rows, heads, length, d/heads]. */
function splitHeads(x: tf.Tensor2D, { rows, heads }: AttentionOptions): tf.Tensor4D {
  const [positions, d] = x.shape;
  const split: tf.Tensor4D = tf.reshape(x, [rows, positions / rows, heads, d / heads]);
  return tf.transpose(split, [0, 2, 1, 3]);
}

/** The inverse of `splitHeads`. */
function joinHeads(x: tf.Tensor4D): tf.Tensor2D {
  const [rows, heads, length, width] = x.shape;
  return tf.reshape(tf.transpose(x, [0, 2, 1, 3]), [rows * length, heads * width]);
}

/**
 * The additive bias of a padding mask: 0 where 1, float32's lowest number where 0.
 * @param mask [rows, length]
 * @returns [rows, 1, 1, length]
 */
export function paddingBias(mask: Int32Array, rows: number, length: number): tf.Tensor4D {
  const lowest = -3.4028234663852886e38;
  const bias = Float32Array.from(mask, (real) => (real ? 0 : lowest));
  return tf.tensor4d(bias, [rows, 1, 1, length]);
}
