import * as tf from '@tensorflow/tfjs-core';

/**
 * Inverted dropout: keeps each element with probability 1 − p and scales it by 1/(1 − p).
 * The mask is a pure function of the seed and the index of the call, so that a second pass can
 * replay the first.
 */
export function dropout<T extends tf.Tensor>(x: T, p: number, seed: number, call: number): T {
  return tf.mul(x, tf.tensor(dropoutMask(x.size, p, seed, call), x.shape));
}

/** @returns `size` numbers, each 0 or 1/(1 − p) */
export function dropoutMask(size: number, p: number, seed: number, call: number): Float32Array {
  // A seed may have 53 bits.
  const high = Math.floor(seed / 2 ** 32);
  const first = mix(mix(seed | 0) ^ mix(high ^ 0x5bd1e995) ^ call);
  const second = mix(first ^ 0x9e3779b9);
  const threshold = p * 2 ** 32;
  const kept = 1 / (1 - p);
  const mask = new Float32Array(size);
  for (let i = 0; i < size; i++) {
    const random = mix(mix((i + first) | 0) ^ second) >>> 0;
    mask[i] = random < threshold ? 0 : kept;
  }
  return mask;
}

/** A bijection of 32-bit integers whose every output bit depends on every input bit (lowbias32). */
function mix(value: number): number {
  let h = value;
  h = Math.imul(h ^ (h >>> 16), 0x21f0aaad);
  h = Math.imul(h ^ (h >>> 15), 0x735a2d97);
  return h ^ (h >>> 15);
}
