import * as tf from '@tensorflow/tfjs-core';

type Save = (tensors: tf.Tensor[]) => void;

/**
 * An op with a gradient of our own. `forward` saves what `gradient` needs; a tensor merely
 * captured is gone when the gradient runs inside another.
 * @param gradient one tensor for each input
 */
export function withGradient<T extends tf.Tensor>(
  inputs: readonly tf.Tensor[],
  forward: (save: Save) => T,
  gradient: (dy: T, saved: tf.Tensor[]) => tf.Tensor[],
): T {
  return tf.customGrad<T>((...args) => ({
    value: forward(args[inputs.length] as Save),
    gradFunc: gradient,
  }))(...inputs);
}

/**
 * How often an op recorded now will be differentiated: 0 in a plain forward pass, 1 in a gradient,
 * 2 in the gradient of a gradient. A gradient that saves its op's output is right only at 1,
 * because the saved copy enters the tape before the op itself; it is also the cheaper one.
 */
export function differentiations(): number {
  return tf.engine().state.gradientDepth;
}

/** True where a gradient must be differentiable itself. */
export function needsSecondOrder(): boolean {
  return differentiations() > 1;
}
