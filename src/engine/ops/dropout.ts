import * as tf from '@tensorflow/tfjs-core';
import { hasFused, runFused } from './fused';
import { withGradient } from './with-gradient';

/**
 * What one application of dropout drops: element i of the operand is a pure function of this and i,
 * so that a second pass can replay the first, on any backend.
 */
export interface Dropout {
  /** Probability of dropping an element; the others are scaled by 1/(1 − p). */
  readonly p: number;
  /** Two int32. */
  readonly keys: readonly [number, number];
}

/** @param call index of the application in its forward pass */
export function dropoutOf(p: number, seed: number, call: number): Dropout {
  // A seed may have 53 bits.
  const high = Math.floor(seed / 2 ** 32);
  const first = mix(mix(seed | 0) ^ mix(high ^ 0x5bd1e995) ^ call);
  return { p, keys: [first, mix(first ^ 0x9e3779b9)] };
}

/** @param drop absent: nothing is dropped, and the result is `x` itself */
export function dropout<T extends tf.Tensor>(x: T, drop: Dropout | undefined): T {
  if (!drop) return x;
  if (!hasFused('dropout')) return tf.mul(x, tf.tensor(dropoutMask(x.size, drop), x.shape));
  const { p } = drop;
  const keys = dropoutKeys(drop);
  return withGradient(
    [x],
    (save) => {
      save([keys]);
      return runFused('dropout', { x, keys }, { p })[0] as T;
    },
    (dy, saved) => runFused('dropout', { x: dy, keys: saved[0] as tf.Tensor }, { p }),
  );
}

/** The operand `keys` of fused kernels [2]. */
export function dropoutKeys(drop: Dropout | undefined): tf.Tensor1D {
  return tf.tensor1d(drop ? [...drop.keys] : [0, 0], 'int32');
}

/** @returns `size` numbers, each 0 or 1/(1 − p) */
export function dropoutMask(size: number, { p, keys }: Dropout): Float32Array {
  const [first, second] = keys;
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
