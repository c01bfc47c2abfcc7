import * as tf from '@tensorflow/tfjs-core';
import { geluErf } from '../ops/activations';
import { attention, paddingBias } from '../ops/attention';
import { crossEntropy } from '../ops/cross-entropy';
import { layerNorm } from '../ops/layer-norm';
import { frozenLinear, lowRankLinear } from '../ops/linear';

/**
 * float32 against the float64 values below; backends were measured within 1.5e-6 of each other
 * on larger models.
 */
const TOLERANCE = 1e-5;

/** Loss, then gA [2, 6] and gB [4, 2] of `selfTestStep`; the test recomputes them in float64. */
export const SELF_TEST_VALUES: readonly number[] = [
  1.932281532, -0.04929668121, 0.06045964266, 0.03371689756, -0.0691481154, -0.0158981908,
  0.07324490424, -0.008064127244, -0.01440812121, 0.0117769415, 0.01137333348, -0.01470772487,
  -0.007583314421, -0.0920367522, 0.06823708402, 0.1117380414, -0.1246834039, 0.3777164223,
  -0.2580893697, -0.004452122826, -0.03138814663,
];

/**
 * Computes a small training step on the current backend and compares it with known values.
 * @returns what is wrong, or `undefined`
 */
export async function selfTest(): Promise<string | undefined> {
  const values = await selfTestStep();
  const largest = Math.max(...SELF_TEST_VALUES.map(Math.abs));
  const errors = SELF_TEST_VALUES.map((value, i) => Math.abs((values[i] ?? NaN) - value) / largest);
  const worst = errors.findIndex((error) => !(error <= TOLERANCE));
  if (worst < 0) return undefined;
  return `the self-test step is wrong: expected ${SELF_TEST_VALUES[worst]}, found ${values[worst]}`;
}

/** n numbers in ±1 that need no generator. */
export function testNumbers(n: number, phase: number): Float32Array {
  return Float32Array.from({ length: n }, (_, i) => Math.sin(1.7 * i + phase));
}

/**
 * Two rows of three tokens through a frozen linear layer with a branch of rank 2 and scale 2,
 * GELU, layer norm, attention with two heads and one padded key, and cross-entropy.
 * @returns loss, gA, gB
 */
export async function selfTestStep(): Promise<number[]> {
  const frozen = frozenLinear(testNumbers(24, 1), testNumbers(4, 2), [4, 6]);
  const results = tf.tidy(() => {
    const x = tf.tensor2d(testNumbers(36, 3), [6, 6]);
    const gamma = tf.tensor1d(testNumbers(4, 4));
    const beta = tf.tensor1d(testNumbers(4, 5));
    const bias = paddingBias(Int32Array.of(1, 1, 1, 1, 1, 0), 2, 3);
    const loss = (a: tf.Tensor, b: tf.Tensor): tf.Scalar => {
      const branch = lowRankLinear(x, a as tf.Tensor2D, b as tf.Tensor2D, 2);
      const normed = layerNorm(geluErf(tf.add(frozen.apply(x), branch)), gamma, beta, 1e-5);
      const shape = { rows: 2, heads: 2 };
      const mixed = attention(normed, normed, normed, { ...shape, bias, dropout: (p) => p });
      return crossEntropy(mixed, [0, 1, 2, 3, 0, 1]);
    };
    const point = [tf.tensor2d(testNumbers(12, 6), [2, 6]), tf.tensor2d(testNumbers(8, 7), [4, 2])];
    const { value, grads } = tf.valueAndGrads(loss)(point);
    return [value, ...grads];
  });
  // Not dataSync, which some backends do not have.
  const values = await Promise.all(results.map((tensor) => tensor.data()));
  tf.dispose(results);
  frozen.dispose();
  return values.flatMap((part) => Array.from(part));
}
