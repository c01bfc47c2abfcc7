import { Dropout, applyMask } from './dropout';
import { exp } from './functions';
import { keepLanes, loadLanes, maxLanes, multiplyAdd, storeLanes, sumLanes } from './lanes';
import { MOST_COLUMNS, PRODUCT_SCRATCH, multiply } from './product';

/**
 * Attention and its gradient; an item is one head of one row. The matrices [rows·queries, d] and
 * [rows·keys, d] stay as they are: a head is `width` of their d = heads·width columns. A thread
 * needs two matrices [queries, keys] behind the scratch of a product.
 */
@unmanaged
export class AttentionJob extends Dropout {
  q: usize;
  k: usize;
  v: usize;
  /** [rows, 1, 1, keys] */
  bias: usize;
  probabilities: usize;
  mixed: usize;
  dMixed: usize;
  dq: usize;
  dk: usize;
  dv: usize;
  heads: i32;
  queries: i32;
  positions: i32;
  width: i32;
  /** 1/√width */
  scale: f32;
}

/** P = softmax(scale·Q·Kᵀ + bias), mixed = (P ⊙ mask)·V */
export function attentionItem(job: AttentionJob, item: i32, scratch: usize): void {
  const m = job.queries;
  const n = job.positions;
  const wide = 4 * job.width * job.heads;
  const head = 4 * job.width * (item % job.heads);
  const row = item / job.heads;
  const atQueries = row * m * wide + head;
  const atKeys = row * n * wide + head;
  const first = item * m * n;
  const probabilities = job.probabilities + 4 * first;

  for (let j = 0; j < n; j += MOST_COLUMNS) {
    multiply(
      job.q + atQueries,
      wide,
      4,
      job.k + atKeys + j * wide,
      4,
      wide,
      probabilities + 4 * j,
      4 * n,
      m,
      min(MOST_COLUMNS, n - j),
      job.width,
      job.scale,
      job.bias + 4 * (row * n + j),
      0,
      scratch,
    );
  }
  for (let i = 0; i < m; i++) softmax(probabilities + 4 * i * n, n);
  let weights = probabilities;
  if (job.keys) {
    weights = scratch + PRODUCT_SCRATCH;
    applyMask(job, first, probabilities, weights, m * n);
  }
  for (let j = 0; j < job.width; j += MOST_COLUMNS) {
    multiply(
      weights,
      4 * n,
      4,
      job.v + atKeys + 4 * j,
      wide,
      4,
      job.mixed + atQueries + 4 * j,
      wide,
      m,
      min(MOST_COLUMNS, job.width - j),
      n,
      1,
      0,
      0,
      scratch,
    );
  }
}

function softmax(x: usize, count: i32): void {
  let top = f32x4.splat(-Infinity);
  for (let i = 0; i < count; i += 4) {
    // Beyond the edge the first element is repeated.
    const inside = count - i;
    top = f32x4.max(top, inside >= 4 ? v128.load(x + 4 * i) : edge(x + 4 * i, inside));
  }
  const largest = f32x4.splat(maxLanes(top));
  let total = f32x4.splat(0);
  for (let i = 0; i < count; i += 4) {
    const inside = count - i;
    const power = exp(f32x4.sub(loadLanes(x + 4 * i, inside), largest));
    storeLanes(x + 4 * i, power, inside);
    total = f32x4.add(total, keepLanes(power, inside));
  }
  const inverse = f32x4.splat(1 / sumLanes(total));
  for (let i = 0; i < count; i += 4) {
    storeLanes(x + 4 * i, f32x4.mul(loadLanes(x + 4 * i, count - i), inverse), count - i);
  }
}

/** Up to three numbers, the first of them repeated in the other lanes. */
function edge(address: usize, count: i32): v128 {
  const lanes = loadLanes(address, count);
  const first = v128.shuffle<i32>(lanes, lanes, 0, 0, 0, 0);
  return v128.or(lanes, v128.andnot(first, keepLanes(i32x4.splat(-1), count)));
}

/**
 * dV = (P ⊙ mask)ᵀ·dMixed; dP = (dMixed·Vᵀ) ⊙ mask; dS = P ⊙ (dP − rowsum(P ⊙ dP));
 * dQ = scale·dS·K; dK = scale·dSᵀ·Q
 */
export function attentionGradientItem(job: AttentionJob, item: i32, scratch: usize): void {
  const m = job.queries;
  const n = job.positions;
  const wide = 4 * job.width * job.heads;
  const head = 4 * job.width * (item % job.heads);
  const row = item / job.heads;
  const atQueries = row * m * wide + head;
  const atKeys = row * n * wide + head;
  const first = item * m * n;
  const probabilities = job.probabilities + 4 * first;
  const slopes = scratch + PRODUCT_SCRATCH;

  let weights = probabilities;
  if (job.keys) {
    weights = slopes + 4 * m * n;
    applyMask(job, first, probabilities, weights, m * n);
  }
  for (let j = 0; j < n; j += MOST_COLUMNS) {
    multiply(
      job.dMixed + atQueries,
      wide,
      4,
      job.v + atKeys + j * wide,
      4,
      wide,
      slopes + 4 * j,
      4 * n,
      m,
      min(MOST_COLUMNS, n - j),
      job.width,
      1,
      0,
      0,
      scratch,
    );
  }
  if (job.keys) applyMask(job, first, slopes, slopes, m * n);
  for (let i = 0; i < m; i++) softmaxGradient(probabilities + 4 * i * n, slopes + 4 * i * n, n);
  for (let j = 0; j < job.width; j += MOST_COLUMNS) {
    const columns = min(MOST_COLUMNS, job.width - j);
    multiply(
      weights,
      4,
      4 * n,
      job.dMixed + atQueries + 4 * j,
      wide,
      4,
      job.dv + atKeys + 4 * j,
      wide,
      n,
      columns,
      m,
      1,
      0,
      0,
      scratch,
    );
    multiply(
      slopes,
      4 * n,
      4,
      job.k + atKeys + 4 * j,
      wide,
      4,
      job.dq + atQueries + 4 * j,
      wide,
      m,
      columns,
      n,
      job.scale,
      0,
      0,
      scratch,
    );
    multiply(
      slopes,
      4,
      4 * n,
      job.q + atQueries + 4 * j,
      wide,
      4,
      job.dk + atKeys + 4 * j,
      wide,
      n,
      columns,
      m,
      job.scale,
      0,
      0,
      scratch,
    );
  }
}

/** slope = y ⊙ (slope − Σ y ⊙ slope), in place */
function softmaxGradient(y: usize, slope: usize, count: i32): void {
  let total = f32x4.splat(0);
  for (let i = 0; i < count; i += 4) {
    total = multiplyAdd(
      loadLanes(y + 4 * i, count - i),
      loadLanes(slope + 4 * i, count - i),
      total,
    );
  }
  const level = f32x4.splat(sumLanes(total));
  for (let i = 0; i < count; i += 4) {
    const x = f32x4.sub(loadLanes(slope + 4 * i, count - i), level);
    storeLanes(slope + 4 * i, f32x4.mul(loadLanes(y + 4 * i, count - i), x), count - i);
  }
}
