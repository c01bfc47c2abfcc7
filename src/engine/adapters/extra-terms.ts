import * as tf from '@tensorflow/tfjs-core';
import { ADAPTER_KEY_PREFIX } from '../formats/peft-adapter';
import { addLowRank } from '../ops/linear';
import type { AdaptedModule, ParameterMap } from './trainable-model';

const NOISE = 'noise.';
const SECOND = 'second.';

/**
 * Entries that a method may add to the parameters for one pass, and that no checkpoint of the
 * adapter has: a change of W [out, in] as it stands, and a second pair whose update is B₂A₂.
 */
export function noiseKey(path: string): string {
  return `${NOISE}${path}`;
}

/** Key of the second pair's counterpart of A or B. */
export function secondKey(key: string): string {
  return `${SECOND}${key}`;
}

/** Module path of a parameter, extra or not, with whatever follows it in the key. */
export function pathOf(key: string): string {
  return [NOISE, SECOND, ADAPTER_KEY_PREFIX].reduce(
    (rest, prefix) => (rest.startsWith(prefix) ? rest.slice(prefix.length) : rest),
    key,
  );
}

/**
 * base + x·εᵀ + B₂(A₂x), for those of them that the parameters have.
 * @param base x·W0ᵀ + b [rows, out]
 * @param x    [rows, in], without dropout
 */
export function addExtraTerms(
  base: tf.Tensor2D,
  x: tf.Tensor2D,
  { path, loraA, loraB }: AdaptedModule,
  parameters: ParameterMap,
): tf.Tensor2D {
  const noisy = addNoise(base, x, path, parameters);
  const a = parameters.get(secondKey(loraA));
  const b = parameters.get(secondKey(loraB));
  if (!a || !b) return noisy;
  return addLowRank(noisy, x, { a: a as tf.Tensor2D, b: b as tf.Tensor2D, scaling: 1 });
}

/**
 * base + x·εᵀ, if the parameters have an ε for this linear.
 * @param base x·W0ᵀ + b [rows, out]
 * @param x    [rows, in]
 */
export function addNoise(
  base: tf.Tensor2D,
  x: tf.Tensor2D,
  path: string,
  parameters: ParameterMap,
): tf.Tensor2D {
  const noise = parameters.get(noiseKey(path));
  return noise ? tf.add(base, tf.matMul(x, noise as tf.Tensor2D, false, true)) : base;
}
