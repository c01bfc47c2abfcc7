import { Dropout, mask } from './dropout';
import { keepLanes, loadLanes, multiplyAdd, storeLanes, sumLanes } from './lanes';

/** normalised = (x − mean)/√(variance + eps) with x = base + y ⊙ mask; out = normalised·gamma + beta. */
@unmanaged
export class NormJob extends Dropout {
  y: usize;
  base: usize;
  gamma: usize;
  beta: usize;
  out: usize;
  normalised: usize;
  inverse: usize;
  rows: i32;
  width: i32;
  /** Rows in an item. */
  piece: i32;
  eps: f32;
}

export function normItem(job: NormJob, item: i32): void {
  const end = min((item + 1) * job.piece, job.rows);
  for (let row = item * job.piece; row < end; row++) normRow(job, row);
}

function normRow(job: NormJob, row: i32): void {
  const d = job.width;
  const from = row * d;
  const base = job.base + 4 * from;
  const y = job.y + 4 * from;
  const normalised = job.normalised + 4 * from;
  let total = f32x4.splat(0);
  for (let i = 0; i < d; i += 4) {
    let x = loadLanes(y + 4 * i, d - i);
    if (job.keys) x = f32x4.mul(x, mask(job, from + i));
    x = f32x4.add(loadLanes(base + 4 * i, d - i), x);
    // Beyond the edge a mask times zero may not be a number.
    total = f32x4.add(total, x);
    storeLanes(normalised + 4 * i, x, d - i);
  }
  const mean = f32x4.splat(sumLanes(total) / <f32>d);
  let squares = f32x4.splat(0);
  for (let i = 0; i < d; i += 4) {
    const x = f32x4.sub(loadLanes(normalised + 4 * i, d - i), mean);
    const centred = keepLanes(x, d - i);
    squares = multiplyAdd(centred, centred, squares);
  }
  const inverse: f32 = 1 / sqrt<f32>(sumLanes(squares) / <f32>d + job.eps);
  store<f32>(job.inverse + 4 * row, inverse);
  const out = job.out + 4 * from;
  for (let i = 0; i < d; i += 4) {
    const centred = f32x4.sub(loadLanes(normalised + 4 * i, d - i), mean);
    const x = f32x4.mul(centred, f32x4.splat(inverse));
    storeLanes(normalised + 4 * i, x, d - i);
    const gamma = loadLanes(job.gamma + 4 * i, d - i);
    storeLanes(out + 4 * i, multiplyAdd(x, gamma, loadLanes(job.beta + 4 * i, d - i)), d - i);
  }
}

/** dBase = (g − mean(g) − normalised·mean(g ⊙ normalised))·inverse, g = dOut ⊙ gamma; dY = dBase ⊙ mask. */
@unmanaged
export class NormGradientJob extends Dropout {
  dOut: usize;
  normalised: usize;
  inverse: usize;
  gamma: usize;
  dBase: usize;
  /** Not written where nothing is dropped. */
  dY: usize;
  rows: i32;
  width: i32;
  piece: i32;
}

export function normGradientItem(job: NormGradientJob, item: i32): void {
  const end = min((item + 1) * job.piece, job.rows);
  for (let row = item * job.piece; row < end; row++) normGradientRow(job, row);
}

function normGradientRow(job: NormGradientJob, row: i32): void {
  const d = job.width;
  const from = row * d;
  const dOut = job.dOut + 4 * from;
  const normalised = job.normalised + 4 * from;
  let total = f32x4.splat(0);
  let along = f32x4.splat(0);
  for (let i = 0; i < d; i += 4) {
    const g = f32x4.mul(loadLanes(dOut + 4 * i, d - i), loadLanes(job.gamma + 4 * i, d - i));
    total = f32x4.add(total, g);
    along = multiplyAdd(g, loadLanes(normalised + 4 * i, d - i), along);
  }
  const mean = f32x4.splat(sumLanes(total) / <f32>d);
  const slope = f32x4.splat(sumLanes(along) / <f32>d);
  const inverse = f32x4.splat(load<f32>(job.inverse + 4 * row));
  const dBase = job.dBase + 4 * from;
  const dY = job.dY + 4 * from;
  for (let i = 0; i < d; i += 4) {
    const g = f32x4.mul(loadLanes(dOut + 4 * i, d - i), loadLanes(job.gamma + 4 * i, d - i));
    const level = f32x4.mul(loadLanes(normalised + 4 * i, d - i), slope);
    const x = f32x4.mul(f32x4.sub(f32x4.sub(g, mean), level), inverse);
    storeLanes(dBase + 4 * i, x, d - i);
    if (job.keys) storeLanes(dY + 4 * i, f32x4.mul(x, mask(job, from + i)), d - i);
  }
}
