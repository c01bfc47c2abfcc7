import * as tf from '@tensorflow/tfjs-core';
import { withGradient } from './with-gradient';

/**
 * a·b whose gradients, of any order, are plain products too: wasm multiplies plain 2-D matrices
 * ten times faster than transposed ones. What must be transposed is transposed explicitly, and of
 * two ways the one that moves fewer numbers is taken.
 * @param a [m, k]
 * @param b [k, n]
 * @returns [m, n]
 */
export function product(a: tf.Tensor2D, b: tf.Tensor2D): tf.Tensor2D {
  return withGradient(
    [a, b],
    (save) => {
      save([a, b]);
      return tf.matMul(a, b);
    },
    (dy, saved) => {
      const [a1, b1] = saved as [tf.Tensor2D, tf.Tensor2D];
      return [timesTransposed(dy, b1), transposedTimes(a1, dy)];
    },
  );
}

/** x·yᵀ with x [m, n], y [k, n]. */
function timesTransposed(x: tf.Tensor2D, y: tf.Tensor2D): tf.Tensor2D {
  const direct = y.size;
  const swapped = x.size + x.shape[0] * y.shape[0];
  return direct <= swapped
    ? product(x, tf.transpose(y))
    : tf.transpose(product(y, tf.transpose(x)));
}

/** xᵀ·y with x [m, k], y [m, n]. */
function transposedTimes(x: tf.Tensor2D, y: tf.Tensor2D): tf.Tensor2D {
  const direct = x.size;
  const swapped = y.size + x.shape[1] * y.shape[1];
  return direct <= swapped
    ? product(tf.transpose(x), y)
    : tf.transpose(product(tf.transpose(y), x));
}

/**
 * x·w for a frozen w, of which the transpose is kept as well: the gradient is the same op with the
 * two exchanged, so it needs no transposing and can be differentiated again.
 * @param x [m, k]
 * @param w [k, n]
 * @param wT [n, k]
 */
export function frozenProduct(x: tf.Tensor2D, w: tf.Tensor2D, wT: tf.Tensor2D): tf.Tensor2D {
  return withGradient(
    [x],
    () => tf.matMul(x, w),
    (dy) => [frozenProduct(dy, wT, w)],
  );
}
