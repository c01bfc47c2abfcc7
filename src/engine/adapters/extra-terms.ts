import * as tf from '@tensorflow/tfjs-core';
import { addLowRank } from '../ops/linear';
import type { AdaptedModule, ParameterMap } from './trainable-model';

/**
 * Entries that a method may add to the parameters for one pass, and that no checkpoint of the
 * adapter has: a change of W [out, in] as it stands, and a second pair whose update is B₂A₂.
 */
export function noiseKey(path: string): string {
  return `noise.${path}`;
}

/** Key of the second pair's counterpart of A or B. */
export function secondKey(key: string): string {
  return `second.${key}`;
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
  const noise = parameters.get(noiseKey(path));
  const noisy: tf.Tensor2D = noise
    ? tf.add(base, tf.matMul(x, noise as tf.Tensor2D, false, true))
    : base;
  const a = parameters.get(secondKey(loraA));
  const b = parameters.get(secondKey(loraB));
  if (!a || !b) return noisy;
  return addLowRank(noisy, x, { a: a as tf.Tensor2D, b: b as tf.Tensor2D, scaling: 1 });
}
