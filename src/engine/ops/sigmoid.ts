import * as tf from '@tensorflow/tfjs-core';
import { tanh2 } from './activations';

/** 1/(1 + exp(−x)) = ½(1 + tanh(x/2)), which cannot overflow; differentiable any number of times. */
export function sigmoid2<T extends tf.Tensor>(x: T): T {
  return tf.mul(tf.add(tanh2(tf.mul(x, 0.5)), 1), 0.5);
}
