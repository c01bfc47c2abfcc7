import * as tf from '@tensorflow/tfjs-core';
import { dropout, type Dropout } from './dropout';
import { addLowRank, type FrozenLinear, type LowRank } from './linear';
import { needsSecondOrder, withGradient } from './with-gradient';

export interface WeightDecomposed {
  readonly frozen: FrozenLinear;
  /** ‖W0‖² of each output row [out] */
  readonly rowSquares: tf.Tensor1D;
  readonly pair: LowRank;
  /** m [out] */
  readonly magnitude: tf.Tensor1D;
  /** Applied to what the decomposition sees. */
  readonly drop: Dropout | undefined;
}

/**
 * DoRA, arXiv 2402.09353: y = m ⊙ (V x)/‖V‖ + b, V = W0 + sBA, norms of output rows, V never as a
 * [out, in] matrix. With dropout as in PEFT: y = W0 x + b + (g − 1) ⊙ W0 x′ + g ⊙ sBA x′, where
 * g = m/‖V‖ and x′ is x with dropout.
 * @param x [rows, in]
 * @returns [rows, out]
 */
export function weightDecomposedLinear(x: tf.Tensor2D, layer: WeightDecomposed): tf.Tensor2D {
  const { frozen, pair, magnitude, drop } = layer;
  const g = tf.div(magnitude, rowNorms(layer));
  const seen = dropout(x, drop);
  const product = frozen.apply(seen); // W0 x′ + b
  const direction = tf.sub(addLowRank(product, seen, pair), frozen.bias); // V x′
  const scaled = tf.mul(direction, g);
  if (!drop) return tf.add(scaled, frozen.bias);
  return tf.add(tf.sub(frozen.apply(x), tf.sub(product, frozen.bias)), scaled);
}

/**
 * ‖W0 + sBA‖ of each output row: ‖w‖² + 2s (W0 Aᵀ)·b + s² bᵀ(AAᵀ)b; float32, so off by about
 * 1e-7 (‖w‖² + ‖sBA‖²)/‖V‖², which only a row that sBA cancels would make large. A constant to a gradient, as in
 * the paper and in PEFT; then what descends is not the gradient of the loss. A second derivative is
 * taken to measure the loss, and there the norm is differentiated like everything else.
 * @returns [out]
 */
function rowNorms({ frozen, rowSquares, pair }: WeightDecomposed): tf.Tensor1D {
  const { a, b, scaling } = pair;
  const norms = (): tf.Tensor1D => {
    const products = tf.transpose(tf.sub(frozen.apply(a), frozen.bias)); // W0 Aᵀ [out, r]
    const gram = tf.matMul(a, a, false, true);
    const inner = tf.add(
      tf.mul(products, 2 * scaling),
      tf.mul(tf.matMul(b, gram), scaling * scaling),
    );
    return tf.sqrt(tf.add<tf.Tensor1D>(rowSquares, tf.sum<tf.Tensor1D>(tf.mul(inner, b), 1)));
  };
  if (needsSecondOrder()) return norms();
  return withGradient([a, b], norms, () => [tf.zeros(a.shape), tf.zeros(b.shape)]);
}
