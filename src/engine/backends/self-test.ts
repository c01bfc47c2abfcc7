import * as tf from '@tensorflow/tfjs-core';
import { geluErf } from '../ops/activations';
import { attention, paddingBias } from '../ops/attention';
import { crossEntropy } from '../ops/cross-entropy';
import { layerNorm } from '../ops/layer-norm';
import { addLowRank, frozenLinear } from '../ops/linear';

/**
 * float32 against the float64 values below; backends were measured within 1.5e-6 of each other
 * on larger models.
 */
const TOLERANCE = 1e-5;

/** Two passes of float32: what a hundredth part of a missing term would exceed by far. */
const SECOND_TOLERANCE = 1e-4;

/** Loss, then gA [2, 6] and gB [4, 2] of `selfTestStep`; the test recomputes them in float64. */
export const SELF_TEST_VALUES: readonly number[] = [
  1.932281532, -0.04929668121, 0.06045964266, 0.03371689756, -0.0691481154, -0.0158981908,
  0.07324490424, -0.008064127244, -0.01440812121, 0.0117769415, 0.01137333348, -0.01470772487,
  -0.007583314421, -0.0920367522, 0.06823708402, 0.1117380414, -0.1246834039, 0.3777164223,
  -0.2580893697, -0.004452122826, -0.03138814663,
];

/** The Hessian of the loss times `testNumbers(20, 8)`, in the order of gA and gB; likewise. */
export const SELF_TEST_CURVATURE: readonly number[] = [
  -0.6566195839, 0.01259554582, 0.6533738466, -0.1809627956, -0.6067417495, 0.337313461,
  -0.5068244785, 0.0681680048, 0.4892583329, -0.1942444947, -0.4392036815, 0.3074224436,
  0.9406074154, 0.01060907736, -0.4089112136, -1.027057078, -0.6169575538, 0.6662466149,
  -0.1736199277, 0.3222608268,
];

/**
 * Computes a small training step, and a product with its Hessian, on the current backend and
 * compares them with known values.
 * @returns what is wrong, or `undefined`
 */
export async function selfTest(): Promise<string | undefined> {
  const step = await selfTestStep();
  const wrong = difference(step, SELF_TEST_VALUES, TOLERANCE);
  if (wrong !== undefined) return `the self-test step is wrong: ${wrong}`;
  const curvature = await selfTestCurvature();
  const bent = difference(curvature, SELF_TEST_CURVATURE, SECOND_TOLERANCE);
  return bent === undefined ? undefined : `second derivatives are wrong: ${bent}`;
}

/** The first value that is off by more than a part of the largest. */
function difference(
  values: readonly number[],
  expected: readonly number[],
  tolerance: number,
): string | undefined {
  const largest = Math.max(...expected.map(Math.abs));
  const errors = expected.map((value, i) => Math.abs((values[i] ?? NaN) - value) / largest);
  const worst = errors.findIndex((error) => !(error <= tolerance));
  return worst < 0 ? undefined : `expected ${expected[worst]}, found ${values[worst]}`;
}

/** n numbers in ±1 that need no generator. */
export function testNumbers(n: number, phase: number): Float32Array {
  return Float32Array.from({ length: n }, (_, i) => Math.sin(1.7 * i + phase));
}

/**
 * Two rows of three tokens through a frozen linear layer with a branch of rank 2 and scale 2,
 * GELU, layer norm, attention with two heads and one padded key, and cross-entropy.
 * @returns loss, gA [2, 6], gB [4, 2]
 */
export async function selfTestStep(): Promise<number[]> {
  return onStep((loss, point) => {
    const { value, grads } = tf.valueAndGrads(loss)(point);
    return [value, ...grads];
  });
}

/** @returns the Hessian of that loss times `testNumbers(20, 8)`: [2, 6], then [4, 2] */
export async function selfTestCurvature(): Promise<number[]> {
  return onStep((loss, point) => {
    const v = testNumbers(20, 8);
    const along = [tf.tensor2d(v.slice(0, 12), [2, 6]), tf.tensor2d(v.slice(12), [4, 2])];
    const slope = (a: tf.Tensor, b: tf.Tensor): tf.Scalar => {
      const grads = tf.grads(loss)([a, b]);
      const parts = grads.map((gradient, i) => tf.sum(tf.mul(gradient, along[i] as tf.Tensor)));
      return tf.add(parts[0] as tf.Tensor, parts[1] as tf.Tensor) as tf.Scalar;
    };
    return tf.grads(slope)(point);
  });
}

type Loss = (a: tf.Tensor, b: tf.Tensor) => tf.Scalar;

async function onStep(compute: (loss: Loss, point: tf.Tensor[]) => tf.Tensor[]): Promise<number[]> {
  const frozen = frozenLinear(testNumbers(24, 1), testNumbers(4, 2), [4, 6]);
  const results = tf.tidy(() => {
    const x = tf.tensor2d(testNumbers(36, 3), [6, 6]);
    const gamma = tf.tensor1d(testNumbers(4, 4));
    const beta = tf.tensor1d(testNumbers(4, 5));
    const bias = paddingBias(Int32Array.of(1, 1, 1, 1, 1, 0), 2, 3);
    const loss: Loss = (a, b) => {
      const low = { a: a as tf.Tensor2D, b: b as tf.Tensor2D, scaling: 2 };
      const wide = geluErf(addLowRank(frozen.apply(x), x, low));
      const normed = layerNorm(wide, gamma, beta, 1e-5);
      const mixed = attention(normed, normed, normed, { rows: 2, heads: 2, bias });
      return crossEntropy(mixed, [0, 1, 2, 3, 0, 1]);
    };
    const point = [tf.tensor2d(testNumbers(12, 6), [2, 6]), tf.tensor2d(testNumbers(8, 7), [4, 2])];
    return compute(loss, point);
  });
  // Not dataSync, which some backends do not have.
  const values = await Promise.all(results.map((tensor) => tensor.data()));
  tf.dispose(results);
  frozen.dispose();
  return values.flatMap((part) => Array.from(part));
}
