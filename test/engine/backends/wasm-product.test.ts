import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { wasm } from '../../../src/engine/backends/wasm';
import { relativeError } from '../../support/reference-model';
import { fixed } from '../ops/differences';

/** Rounding of at most 130 float32 additions, against float64. */
const ROUNDING = 3e-6;

const KERNELS = join(import.meta.dirname, '../../../src/engine/backends/kernels');

const BUILD = join(import.meta.dirname, '../../../scripts/build-kernels.mjs');

/** Edges of the 4 x 8 tiles, and on both sides of the package's own 32 rows. */
const SIZES = [
  [1, 1, 1],
  [3, 5, 7],
  [4, 8, 16],
  [5, 9, 130],
  [33, 17, 12],
  [64, 40, 32],
] as const;

const BATCHES: readonly [number[], number[]][] = [
  [[], []],
  [[3], [3]],
  [[1], [3]],
  [
    [2, 3],
    [1, 1],
  ],
  [
    [2, 3],
    [2, 3],
  ],
];

describe('products on wasm', () => {
  beforeAll(() => wasm.start());

  it.each([
    [false, false],
    [false, true],
    [true, false],
    [true, true],
  ])('equal float64 sums, transposed %s and %s, for all sizes and batches', (tA, tB) => {
    for (const [m, n, k] of SIZES)
      for (const [aBatch, bBatch] of BATCHES) {
        const a = fixed([...aBatch, ...(tA ? [k, m] : [m, k])]);
        const b = fixed([...bBatch, ...(tB ? [n, k] : [k, n])], 1);
        const product = tf.matMul(a, b, tA, tB);
        const expected = float64Product({ a, b, tA, tB, m, n, k });
        const label = `${a.shape.join('x')} by ${b.shape.join('x')}`;
        expect(relativeError(product.dataSync(), expected), label).toBeLessThan(ROUNDING);
        const outer = aBatch.length > 0 && aBatch.some((x) => x > 1) ? aBatch : bBatch;
        expect(product.shape).toEqual([...outer, m, n]);
        tf.dispose([a, b, product]);
      }
  });

  it('write nothing beyond their result', () => {
    const a = fixed([5, 6]);
    const b = fixed([7, 6]);
    const neighbours = Array.from({ length: 50 }, (_, i) => tf.fill([35 + i], i));
    const results = Array.from({ length: 50 }, () => tf.matMul(a, b, false, true));
    neighbours.forEach((tensor, i) => expect(tensor.dataSync().every((x) => x === i)).toBe(true));
    const [first] = results;
    for (const result of results) expect(result.dataSync()).toEqual(first?.dataSync());
    tf.dispose([a, b, ...neighbours, ...results]);
  });

  it('refuse shapes that do not fit, as before', () => {
    expect(() => tf.matMul(fixed([2, 3]), fixed([4, 2]))).toThrow();
    expect(() => tf.matMul(fixed([2, 2, 3]), fixed([3, 3, 2]))).toThrow();
  });

  it('share the memory of clones, which survive their original', () => {
    const x = fixed([4]);
    const expected = x.dataSync().slice();
    const before = tf.memory().numDataBuffers;
    const clone = tf.clone(x);
    expect(tf.memory().numDataBuffers).toBe(before);
    x.dispose();
    const others = Array.from({ length: 8 }, () => tf.fill([4], 9));
    expect(clone.dataSync()).toEqual(expected);
    tf.dispose([clone, ...others]);
  });

  it('come from the kernels whose source is beside them', async () => {
    const { kernelModule } = (await import(pathToFileURL(BUILD).href)) as {
      kernelModule: () => Promise<string>;
    };
    expect(readFileSync(join(KERNELS, 'kernels.wasm.ts'), 'utf8')).toBe(await kernelModule());
  });
});

interface Product {
  readonly a: tf.Tensor;
  readonly b: tf.Tensor;
  readonly tA: boolean;
  readonly tB: boolean;
  readonly m: number;
  readonly n: number;
  readonly k: number;
}

function float64Product({ a, b, tA, tB, m, n, k }: Product): Float64Array {
  const [left, right] = [a.dataSync(), b.dataSync()];
  const batches = Math.max(left.length / (m * k), right.length / (k * n));
  const result = new Float64Array(batches * m * n);
  for (let batch = 0; batch < batches; batch++) {
    const aStart = left.length === m * k ? 0 : batch * m * k;
    const bStart = right.length === k * n ? 0 : batch * k * n;
    for (let i = 0; i < m; i++)
      for (let j = 0; j < n; j++) {
        let sum = 0;
        for (let p = 0; p < k; p++) {
          const x = left[aStart + (tA ? p * m + i : i * k + p)] as number;
          const y = right[bStart + (tB ? j * k + p : p * n + j)] as number;
          sum += x * y;
        }
        result[(batch * m + i) * n + j] = sum;
      }
  }
  return result;
}
