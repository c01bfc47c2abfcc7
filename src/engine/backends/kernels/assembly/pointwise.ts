import { exp, erf, tanh } from './functions';
import { loadLanes, multiplyAdd, storeLanes } from './lanes';
import { Dropout, applyMask } from './dropout';

/** x ⊙ mask, in pieces of `piece` elements. */
@unmanaged
export class DropoutJob extends Dropout {
  x: usize;
  out: usize;
  size: i32;
  piece: i32;
}

export function dropoutItem(job: DropoutJob, item: i32): void {
  const first = item * job.piece;
  const count = min(job.piece, job.size - first);
  applyMask(job, first, job.x + 4 * first, job.out + 4 * first, count);
}

/** GELU and its derivative, in pieces of `piece` elements. */
@unmanaged
export class GeluJob {
  z: usize;
  value: usize;
  slope: usize;
  size: i32;
  piece: i32;
  /** 1 for the tanh form. */
  tanh: i32;
}

export function geluItem(job: GeluJob, item: i32): void {
  const first = item * job.piece;
  const end = min(first + job.piece, job.size);
  for (let i = first; i < end; i += 4) {
    const z = loadLanes(job.z + 4 * i, end - i);
    if (job.tanh) geluTanh(z, job, i, end - i);
    else geluErf(z, job, i, end - i);
  }
}

/** z·Φ(z), and Φ(z) + z·φ(z) */
function geluErf(z: v128, job: GeluJob, i: i32, count: i32): void {
  const half = f32x4.splat(0.5);
  const phi = multiplyAdd(erf(f32x4.mul(z, f32x4.splat(0.7071067811865476))), half, half);
  const power = exp(f32x4.mul(f32x4.mul(z, z), f32x4.splat(-0.5)));
  const density = f32x4.mul(power, f32x4.splat(0.3989422804014327));
  storeLanes(job.value + 4 * i, f32x4.mul(z, phi), count);
  storeLanes(job.slope + 4 * i, multiplyAdd(z, density, phi), count);
}

/** ½z(1 + t), t = tanh(√(2/π)(z + 0.044715z³)), and ½(1 + t) + ½z(1 − t²)·√(2/π)(1 + 3·0.044715z²) */
function geluTanh(z: v128, job: GeluJob, i: i32, count: i32): void {
  const one = f32x4.splat(1);
  const half = f32x4.splat(0.5);
  const scale = f32x4.splat(0.7978845608028654);
  const cubic = f32x4.mul(f32x4.mul(z, z), f32x4.splat(0.044715));
  const t = tanh(f32x4.mul(f32x4.mul(z, scale), f32x4.add(cubic, one)));
  const phi = multiplyAdd(t, half, half);
  const inner = f32x4.mul(multiplyAdd(cubic, f32x4.splat(3), one), scale);
  const bend = f32x4.mul(f32x4.mul(z, half), f32x4.sub(one, f32x4.mul(t, t)));
  storeLanes(job.value + 4 * i, f32x4.mul(z, phi), count);
  storeLanes(job.slope + 4 * i, multiplyAdd(bend, inner, phi), count);
}
