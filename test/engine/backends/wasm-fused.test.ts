import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { wasm } from '../../../src/engine/backends/wasm';
import { dropoutKeys, dropoutMask, dropoutOf } from '../../../src/engine/ops/dropout';
import { runFused } from '../../../src/engine/ops/fused';
import { fixed } from '../ops/differences';
import { erf64 } from './erf64';

/** Float32 rounding of sums of at most 700 terms, against float64. */
const ROUNDING = 5e-6;
/** Scores here reach 10, and what rounding does to a score it does to its power's logarithm. */
const ATTENTION = 2e-5;
/** erf is a quotient of polynomials of float32: 3e-7, and rounding. */
const GELU = 6e-7;

const DROPOUTS = [0, 0.1, 0.75] as const;

describe('fused kernels on wasm', () => {
  beforeAll(() => wasm.start());

  it.each([
    [1, 1, 1],
    [3, 5, 7],
    [37, 70, 130],
    [130, 65, 700],
  ])('multiply [%d, %d] outputs over %d inputs, and add the bias', (m, n, k) => {
    const [x, w, bias] = [fixed([m, k]), fixed([n, k], 1), fixed([n], 2)];
    const expected = matrix(m, n, (i, j) => dot(row(x, i), row(w, j)) + at(bias, j));
    close(runFused('linear', { x, w, bias })[0], expected, ROUNDING);
  });

  it.each([
    [5, 9, 3],
    [64, 130, 8],
  ])('add a branch of low rank to [%d, %d], rank %d', (m, n, r) => {
    const [base, narrow, b] = [fixed([m, n]), fixed([m, r], 1), fixed([n, r], 2)];
    const branch = (i: number, j: number): number => dot(row(narrow, i), row(b, j));
    const expected = matrix(m, n, (i, j) => at(base, i * n + j) + 2.5 * branch(i, j));
    close(runFused('addLowRank', { base, narrow, b }, { scaling: 2.5 })[0], expected, ROUNDING);
  });

  it('compute GELU and its slope to float32, at any size of number', () => {
    const numbers = Array.from({ length: 4003 }, (_, i) => (i - 2001) / 250);
    const z = tf.tensor1d([...numbers, 0, 50, -50, 1e-20, 3e38]);
    const [value, slope] = runFused('gelu', { z }, { tanh: false });
    const phi = (x: number): number => (1 + erf64(x / Math.SQRT2)) / 2;
    const density = (x: number): number => Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);
    const x = Array.from(z.dataSync());
    // Absolute, as GELU is a number times a probability.
    largest(
      value,
      x.map((v) => v * phi(v)),
      (i) => GELU * Math.max(1, Math.abs(x[i] as number)),
    );
    largest(
      slope,
      x.map((v) => phi(v) + v * density(v)),
      () => GELU,
    );
  });

  it('compute the tanh form of GELU and its slope to float32', () => {
    const z = tf.linspace(-9, 9, 1801);
    const [value, slope] = runFused('gelu', { z }, { tanh: true });
    const c = Math.sqrt(2 / Math.PI);
    const t = (v: number): number => Math.tanh(c * (v + 0.044715 * v ** 3));
    const x = Array.from(z.dataSync());
    const slopeOf = (v: number): number =>
      (1 + t(v)) / 2 + (v / 2) * (1 - t(v) ** 2) * c * (1 + 3 * 0.044715 * v * v);
    largest(
      value,
      x.map((v) => (v / 2) * (1 + t(v))),
      (i) => GELU * Math.max(1, Math.abs(x[i] as number)),
    );
    // The inner polynomial reaches 20 where 1 − t² is all rounding.
    largest(slope, x.map(slopeOf), () => 2e-6);
  });

  it.each(DROPOUTS)('drop exactly what the mask drops, p = %d', (p) => {
    for (const size of [1, 6, 333, 40_001]) {
      const drop = dropoutOf(p, 2 ** 40 + 5, 3);
      const x = fixed([size]);
      const mask = dropoutMask(size, drop);
      const expected = Float32Array.from(x.dataSync(), (v, i) => v * (mask[i] as number));
      const [out] = runFused('dropout', { x, keys: dropoutKeys(drop) }, { p });
      expect(out?.dataSync()).toEqual(expected);
    }
  });

  describe.each(DROPOUTS)('with dropout %d', (p) => {
    it.each([
      [1, 1],
      [5, 7],
      [70, 384],
    ])('normalise the rows of [%d, %d], and take the gradient', (rows, d) => {
      const drop = dropoutOf(p, 7, 1);
      const keys = dropoutKeys(drop);
      const mask = dropoutMask(rows * d, drop);
      const [y, base, dOut] = [fixed([rows, d]), fixed([rows, d], 1), fixed([rows, d], 2)];
      const [gamma, beta] = [fixed([d], 3), fixed([d], 4)];
      const eps = 1e-2;
      const expected = { out: [], normalised: [], inverse: [], dBase: [], dY: [] } as Record<
        string,
        number[]
      >;
      for (let i = 0; i < rows; i++) {
        const x = row(y, i).map((v, j) => v * (mask[i * d + j] as number) + at(base, i * d + j));
        const mean = sum(x) / d;
        const inverse = 1 / Math.sqrt(sum(x.map((v) => (v - mean) ** 2)) / d + eps);
        const normalised = x.map((v) => (v - mean) * inverse);
        const g = row(dOut, i).map((v, j) => v * at(gamma, j));
        const dBase = g.map(
          (v, j) =>
            (v - sum(g) / d - ((normalised[j] as number) * dot(g, normalised)) / d) * inverse,
        );
        expected['out']?.push(...normalised.map((v, j) => v * at(gamma, j) + at(beta, j)));
        expected['normalised']?.push(...normalised);
        expected['inverse']?.push(inverse);
        expected['dBase']?.push(...dBase);
        expected['dY']?.push(...dBase.map((v, j) => v * (mask[i * d + j] as number)));
      }
      const outputs = runFused('norm', { y, base, gamma, beta, keys }, { eps, p });
      const [out, normalised, inverse] = outputs as [tf.Tensor, tf.Tensor, tf.Tensor];
      close(out, expected['out'], ROUNDING);
      close(normalised, expected['normalised'], ROUNDING);
      close(inverse, expected['inverse'], ROUNDING);
      expect(inverse.shape).toEqual([rows, 1]);
      const gradient = runFused('normGradient', { dOut, normalised, inverse, gamma, keys }, { p });
      close(gradient[0], expected['dBase'], ROUNDING);
      close(gradient[1], expected['dY'], ROUNDING);
    });

    it.each([
      { rows: 1, heads: 1, queries: 1, positions: 1, width: 1 },
      { rows: 2, heads: 3, queries: 5, positions: 7, width: 6 },
      { rows: 3, heads: 2, queries: 64, positions: 64, width: 32 },
      { rows: 1, heads: 2, queries: 33, positions: 130, width: 70 },
    ])('attend as $queries queries to $positions positions, and take the gradient', (shape) => {
      const { rows, heads, queries, positions, width } = shape;
      const d = heads * width;
      const drop = dropoutOf(p, 9, 2);
      const mask = dropoutMask(rows * heads * queries * positions, drop);
      const [q, dMixed] = [fixed([rows * queries, d]), fixed([rows * queries, d], 1)];
      const [k, v] = [fixed([rows * positions, d], 2), fixed([rows * positions, d], 3)];
      const padded = (r: number, j: number): boolean => r === 1 && j > positions / 2;
      const bias = tf.tensor4d(
        Float32Array.from({ length: rows * positions }, (_, i) =>
          padded(Math.floor(i / positions), i % positions) ? -3.4028234663852886e38 : 0,
        ),
        [rows, 1, 1, positions],
      );
      const expected = attention64({ ...shape, q, k, v, dMixed, padded, mask });
      const operands = { q, k, v, keys: dropoutKeys(drop) };
      const attributes = { rows, heads, p };
      const outputs = runFused('attention', { ...operands, bias }, attributes);
      const [mixed, probabilities] = outputs as [tf.Tensor, tf.Tensor];
      expect(probabilities.shape).toEqual([rows, heads, queries, positions]);
      close(mixed, expected.mixed, ATTENTION);
      close(probabilities, expected.probabilities, ATTENTION);
      const gradients = runFused(
        'attentionGradient',
        { ...operands, dMixed, probabilities },
        attributes,
      );
      const scale = Math.max(...expected.dv.map(Math.abs)) || 1;
      [expected.dq, expected.dk, expected.dv].forEach((values, i) =>
        largest(gradients[i], values, () => ATTENTION * scale),
      );
    });
  });

  it('hand on what is not a number', () => {
    const broken = tf.tensor2d([1, NaN, 3, 4, 5, 6], [1, 6]);
    const whole = fixed([1, 6]);
    const keys = dropoutKeys(dropoutOf(0.5, 1, 1));
    const some = (tensor: tf.Tensor | undefined): boolean =>
      tensor?.dataSync().some(Number.isNaN) ?? false;
    expect(some(runFused('gelu', { z: broken }, { tanh: false })[0])).toBe(true);
    expect(some(runFused('gelu', { z: broken }, { tanh: true })[1])).toBe(true);
    expect(some(runFused('dropout', { x: broken, keys }, { p: 0.5 })[0])).toBe(true);
    expect(some(runFused('linear', { x: broken, w: whole, bias: fixed([1]) })[0])).toBe(true);
    const norm = { y: broken, base: whole, gamma: fixed([6]), beta: fixed([6]), keys };
    expect(runFused('norm', norm, { eps: 1e-5, p: 0 })[0]?.dataSync().every(Number.isNaN)).toBe(
      true,
    );
    const bias = tf.zeros([1, 1, 1, 1]);
    const heads = { q: broken, k: whole, v: whole, bias, keys };
    expect(some(runFused('attention', heads, { rows: 1, heads: 1, p: 0 })[0])).toBe(true);
  });

  it('write nothing beyond their results', () => {
    const z = fixed([7]);
    const neighbours = Array.from({ length: 40 }, (_, i) => tf.fill([7 + (i % 3)], i));
    const results = Array.from({ length: 40 }, () => runFused('gelu', { z }, { tanh: false }));
    neighbours.forEach((tensor, i) => expect(tensor.dataSync().every((x) => x === i)).toBe(true));
    const [first] = results;
    for (const [value] of results) expect(value?.dataSync()).toEqual(first?.[0]?.dataSync());
  });
});

interface Attention {
  readonly rows: number;
  readonly heads: number;
  readonly queries: number;
  readonly positions: number;
  readonly width: number;
  readonly q: tf.Tensor;
  readonly k: tf.Tensor;
  readonly v: tf.Tensor;
  readonly dMixed: tf.Tensor;
  readonly padded: (row: number, position: number) => boolean;
  readonly mask: Float32Array;
}

/** Attention and its gradient in float64, head by head. */
function attention64(options: Attention) {
  const { rows, heads, queries, positions, width, padded, mask } = options;
  const zeros = (n: number): number[] => new Array<number>(n).fill(0);
  const d = heads * width;
  const result = {
    mixed: zeros(rows * queries * d),
    probabilities: zeros(rows * heads * queries * positions),
    dq: zeros(rows * queries * d),
    dk: zeros(rows * positions * d),
    dv: zeros(rows * positions * d),
  };
  const [q, k, v, dMixed] = [options.q, options.k, options.v, options.dMixed].map((tensor) =>
    tensor.dataSync(),
  ) as [Float32Array, Float32Array, Float32Array, Float32Array];
  for (let r = 0; r < rows; r++)
    for (let h = 0; h < heads; h++)
      for (let i = 0; i < queries; i++) {
        const from = (r * queries + i) * d + h * width;
        const key = (j: number): number => (r * positions + j) * d + h * width;
        const along = (a: ArrayLike<number>, x: number, b: ArrayLike<number>, y: number): number =>
          sum(zeros(width).map((_, c) => (a[x + c] as number) * (b[y + c] as number)));
        const scores = zeros(positions).map((_, j) =>
          padded(r, j) ? -Infinity : along(q, from, k, key(j)) / Math.sqrt(width),
        );
        const powers = scores.map((s) => Math.exp(s - Math.max(...scores)));
        const first = ((r * heads + h) * queries + i) * positions;
        const y = powers.map((s) => s / sum(powers));
        const weight = (j: number): number => mask[first + j] as number;
        const dY = y.map((_, j) => along(dMixed, from, v, key(j)) * weight(j));
        const level = dot(y, dY);
        y.forEach((probability, j) => {
          result.probabilities[first + j] = probability;
          const slope = (probability * ((dY[j] as number) - level)) / Math.sqrt(width);
          for (let c = 0; c < width; c++) {
            const add = (to: number[], index: number, by: number): void => {
              to[index] = (to[index] as number) + by;
            };
            const kept = probability * weight(j);
            add(result.mixed, from + c, kept * (v[key(j) + c] as number));
            add(result.dv, key(j) + c, kept * (dMixed[from + c] as number));
            add(result.dq, from + c, slope * (k[key(j) + c] as number));
            add(result.dk, key(j) + c, slope * (q[from + c] as number));
          }
        });
      }
  return result;
}

/** Every element, within a tolerance that is relative to the largest. */
function close(
  actual: tf.Tensor | undefined,
  expected: readonly number[] | undefined,
  tolerance: number,
): void {
  const top = Math.max(...(expected ?? []).map(Math.abs));
  largest(actual, expected ?? [], () => tolerance * (top || 1));
}

/** Every element within its own tolerance. */
function largest(
  actual: tf.Tensor | undefined,
  expected: readonly number[],
  tolerance: (index: number) => number,
): void {
  const values = actual?.dataSync() ?? [];
  expect(values.length).toBe(expected.length);
  const errors = expected.map((x, i) => Math.abs((values[i] as number) - x) / tolerance(i));
  // NaN, too, is not less than 1.
  expect(errors.reduce((most, error) => (error <= most ? most : error), 0)).toBeLessThan(1);
}

function matrix(m: number, n: number, f: (i: number, j: number) => number): number[] {
  return Array.from({ length: m * n }, (_, i) => f(Math.floor(i / n), i % n));
}

function row(tensor: tf.Tensor, i: number): number[] {
  const width = tensor.shape[1] as number;
  return Array.from(valuesOf(tensor).subarray(i * width, (i + 1) * width));
}

function at(tensor: tf.Tensor, i: number): number {
  return valuesOf(tensor)[i] as number;
}

/** Read once: `dataSync` copies. */
function valuesOf(tensor: tf.Tensor): Float32Array {
  const known = VALUES.get(tensor) ?? (tensor.dataSync() as Float32Array);
  VALUES.set(tensor, known);
  return known;
}

const VALUES = new WeakMap<tf.Tensor, Float32Array>();

function sum(x: readonly number[]): number {
  return x.reduce((total, value) => total + value, 0);
}

function dot(x: readonly number[], y: readonly number[]): number {
  return sum(x.map((value, i) => value * (y[i] as number)));
}
