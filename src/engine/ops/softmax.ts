import * as tf from '@tensorflow/tfjs-core';
import { needsSecondOrder, withGradient } from './with-gradient';

/** Softmax over the last axis, differentiable any number of times. */
export function softmax2<T extends tf.Tensor>(x: T): T {
  const exact = needsSecondOrder();
  return withGradient(
    [x],
    (save) => {
      const y = tf.softmax(x);
      save([exact ? x : y]);
      return y;
    },
    (dy, saved) => {
      const kept = saved[0] as T;
      const y = exact ? softmax2(kept) : kept;
      // dx = y ⊙ (dy − Σ dy⊙y)
      return [tf.mul(y, tf.sub(dy, tf.sum(tf.mul(dy, y), -1, true)))];
    },
  );
}

/** Logarithm of the softmax over the last axis, differentiable any number of times. */
export function logSoftmax2<T extends tf.Tensor>(x: T): T {
  return withGradient(
    [x],
    (save) => {
      save([x]);
      return tf.logSoftmax(x);
    },
    (dy, saved) => [tf.sub(dy, tf.mul(softmax2(saved[0] as T), tf.sum(dy, -1, true)))],
  );
}
