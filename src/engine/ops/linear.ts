import * as tf from '@tensorflow/tfjs-core';
import { frozenProduct, product } from './product';

/** A linear layer whose weights never change. */
export interface FrozenLinear {
  /** x·Wᵀ + b for x [rows, in]; the result is [rows, out]. */
  apply(x: tf.Tensor2D): tf.Tensor2D;
  dispose(): void;
}

/**
 * Holds W and Wᵀ: a transposed product is ten times slower on wasm, and a gradient needs the other.
 * @param weight [out, in], row-major, as in a state dict
 * @param bias [out]
 */
export function frozenLinear(
  weight: Float32Array,
  bias: Float32Array,
  [out, inputs]: readonly [number, number],
): FrozenLinear {
  const wT = tf.keep(tf.tensor2d(weight, [out, inputs]));
  const w = tf.keep(tf.transpose(wT));
  const b = tf.keep(tf.tensor1d(bias));
  return {
    apply: (x) => tf.add(frozenProduct(x, w, wT), b),
    dispose: () => tf.dispose([w, wT, b]),
  };
}

/**
 * x·Wᵀ + b with trainable W and b.
 * @param x [rows, in]
 * @param weight [out, in]
 * @param bias [out]
 */
export function trainableLinear(
  x: tf.Tensor2D,
  weight: tf.Tensor2D,
  bias: tf.Tensor1D,
): tf.Tensor2D {
  return tf.add(product(x, tf.transpose(weight)), bias);
}

/**
 * The low-rank branch s·B(A·x), never as a [out, in] matrix (Eq. 6).
 * @param x [rows, in]
 * @param a A [r, in]
 * @param b B [out, r]
 * @returns [rows, out]
 */
export function lowRankLinear(
  x: tf.Tensor2D,
  a: tf.Tensor2D,
  b: tf.Tensor2D,
  scaling: number,
): tf.Tensor2D {
  const narrow = product(x, tf.transpose(a)); // [rows, r]
  return product(tf.mul(narrow, scaling), tf.transpose(b));
}
