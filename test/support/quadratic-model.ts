import * as tf from '@tensorflow/tfjs-core';
import type { ParameterMap, TrainableModel } from '../../src/engine/adapters/trainable-model';
import type { Batch } from '../../src/engine/data/batch';

export interface Quadratic {
  /** [d] */
  readonly w: readonly number[];
  readonly g: readonly number[];
  /** [d, d], symmetric; without it the loss is linear. */
  readonly h?: readonly (readonly number[])[];
  /** Distance from w beyond which the loss is NaN. */
  readonly radius?: number;
}

/** L(w + δ) = ⟨g, δ⟩ + ½⟨δ, Hδ⟩ as a model of one trained parameter; 0 at w, so that nothing cancels. */
export function quadraticModel({ w, g, h, radius = Infinity }: Quadratic): {
  readonly model: TrainableModel;
  readonly parameters: ParameterMap;
} {
  // Two tensors: the gradient is that of the one alone.
  const [parameter, at] = [tf.tensor1d([...w]), tf.tensor1d([...w])];
  const slope = tf.tensor1d([...g]);
  const size = w.length;
  const curvature = tf.tensor2d(h?.flat() ?? new Float32Array(size * size), [size, size]);
  const loss: TrainableModel['loss'] = (parameters) =>
    tf.tidy(() => {
      const delta = tf.sub(parameters.get('w') as tf.Tensor, at) as tf.Tensor1D;
      const turned = tf.reshape(tf.matMul(curvature, tf.reshape(delta, [size, 1])), [size]);
      const value = tf.add(
        tf.sum(tf.mul(slope, delta)),
        tf.mul(tf.sum(tf.mul(delta, turned)), 0.5),
      );
      if (radius === Infinity) return value as tf.Scalar;
      // The logarithm of what is negative beyond.
      const room = tf.sub(radius ** 2, tf.sum(tf.square(delta)));
      return tf.add(value, tf.mul(tf.log(room), 0)) as tf.Scalar;
    });
  return {
    parameters: new Map([['w', parameter]]),
    model: {
      ...{ modules: [], linears: [], headKeys: ['w'], loss },
      exampleLosses: (parameters, batch) => tf.reshape(loss(parameters, batch), [1]),
      frozenProduct: (_path, x) => tf.zerosLike(x),
      logits: () => tf.zeros([1, 1]),
      depthOf: () => 0,
      prefix: () => tf.zeros([1, 1]),
      dispose: () => undefined,
    },
  };
}

/** For models whose loss does not read it. */
export const NO_BATCH: Batch = {
  ...{ rows: 1, length: 0, inputIds: new Int32Array(), typeIds: new Int32Array() },
  ...{ mask: new Int32Array(), labels: new Int32Array() },
};
