import * as tf from '@tensorflow/tfjs-core';
import { sigmoid2 } from './sigmoid';
import { ACTIVATIONS } from './activations';
import { trainableLinear } from './linear';

/** Nonlinearities of a bottleneck by config name. */
const BOTTLENECK_ACTIVATIONS = {
  relu: ACTIVATIONS.relu,
  gelu: ACTIVATIONS.gelu,
  gelu_new: ACTIVATIONS.gelu_new,
  swish: (x: tf.Tensor2D): tf.Tensor2D => tf.mul(x, sigmoid2(x)),
} as const;

export type BottleneckActivation = keyof typeof BOTTLENECK_ACTIVATIONS;

/** Where a bottleneck layer sits, and the keys of its tensors in a `ParameterMap`. */
export interface Bottleneck {
  /** Module path, e.g. `bert.encoder.layer.0.output.adapter`. */
  readonly path: string;
  /** `sublayer`: on its output, before the residual sum; `sum`: on the layer-normed sum. */
  readonly at: 'sublayer' | 'sum';
  readonly width: number;
  readonly size: number;
  readonly activation: BottleneckActivation;
  /** [size, width] and [size] */
  readonly downWeight: string;
  readonly downBias: string;
  /** [width, size] and [width] */
  readonly upWeight: string;
  readonly upBias: string;
}

export interface BottleneckTensors {
  readonly downWeight: tf.Tensor2D;
  readonly downBias: tf.Tensor1D;
  readonly upWeight: tf.Tensor2D;
  readonly upBias: tf.Tensor1D;
}

/**
 * h + W_up f(W_down h + b_down) + b_up; differentiable any number of times.
 * @param h [rows, width]
 */
export function bottleneck(
  h: tf.Tensor2D,
  { downWeight, downBias, upWeight, upBias }: BottleneckTensors,
  activation: BottleneckActivation,
): tf.Tensor2D {
  const f: (x: tf.Tensor2D) => tf.Tensor2D = BOTTLENECK_ACTIVATIONS[activation];
  const narrow = f(trainableLinear(h, downWeight, downBias));
  return tf.add(h, trainableLinear(narrow, upWeight, upBias));
}
