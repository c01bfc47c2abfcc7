import { loadLanes, storeLanes } from './lanes';

/** Which elements a mask drops, and what it multiplies the others by. First fields of many jobs. */
@unmanaged
export class Dropout {
  /** The address of the two int32 that a mask is made from; 0 where nothing is dropped. */
  keys: usize;
  /** An element is dropped where its 32 random bits, unsigned, are below. */
  threshold: u32;
  /** 1/(1 − p) */
  kept: f32;
}

/** @returns four elements, from an index on, of the mask that src/engine/ops/dropout.ts makes */
export function mask(dropout: Dropout, index: i32): v128 {
  const first = load<i32>(dropout.keys);
  const second = load<i32>(dropout.keys, 4);
  const position = i32x4.add(i32x4.splat(index + first), i32x4(0, 1, 2, 3));
  const random = mix(v128.xor(mix(position), i32x4.splat(second)));
  const dropped = i32x4.lt_u(random, i32x4.splat(dropout.threshold));
  return v128.andnot(f32x4.splat(dropout.kept), dropped);
}

/** A bijection of 32-bit integers whose every output bit depends on every input bit (lowbias32). */
function mix(value: v128): v128 {
  let h = i32x4.mul(v128.xor(value, i32x4.shr_u(value, 16)), i32x4.splat(0x21f0aaad));
  h = i32x4.mul(v128.xor(h, i32x4.shr_u(h, 15)), i32x4.splat(0x735a2d97));
  return v128.xor(h, i32x4.shr_u(h, 15));
}

/** out = x ⊙ mask for `count` numbers, the first of which has the index `first` in the mask. */
export function applyMask(dropout: Dropout, first: i32, x: usize, out: usize, count: i32): void {
  for (let i = 0; i < count; i += 4) {
    const masked = f32x4.mul(loadLanes(x + 4 * i, count - i), mask(dropout, first + i));
    storeLanes(out + 4 * i, masked, count - i);
  }
}
