import * as tf from '@tensorflow/tfjs-core';
import type { BackendWasm } from '@tensorflow/tfjs-backend-wasm';
import { floatBits, type Job, type JobRunner } from './wasm-jobs';

/** In bytes, one thread: kernels/assembly/product.ts. */
export const PRODUCT_SCRATCH = 4 * (4 * 8 + 512 * (4 + 64));
/** Columns of a block, and what its rows are a multiple of. */
const [BLOCK_COLUMNS, TILE_ROWS] = [64, 4];
/** Multiplications that are worth waking a thread for: about 20 µs. */
const FEW = 500_000;
/** Blocks for each thread, so that none waits long for the last. */
const BLOCKS = 4;

/** Where a kernel finds a tensor's numbers. */
export function addressOf(backend: BackendWasm, dataId: object): number {
  const data = backend['dataIdMap'].get(dataId) as { readonly memoryOffset: number };
  return data.memoryOffset;
}

/**
 * Gives the wasm backend a product of float32 matrices that is fast when an operand is transposed or
 * there are several matrices, too: there the package multiplies number by number, ten times slower.
 * It also takes no memory; the package keeps a rearranged copy of every right-hand operand.
 */
export function registerProduct(backend: BackendWasm, jobs: JobRunner): void {
  const original = tf.getKernel('BatchMatMul', 'wasm');
  tf.unregisterKernel('BatchMatMul', 'wasm');
  tf.registerKernel({
    ...original,
    kernelFunc: (call) => {
      const product = strided(call);
      if (!product) return original.kernelFunc(call);
      const out = backend.makeOutput(product.shape, 'float32');
      const [a, b] = [product.a, product.b];
      const at = (operand: Operand): Matrix => ({
        ...operand,
        address: addressOf(backend, operand.dataId),
      });
      jobs.run(
        productJob({ ...product, a: at(a), b: at(b), c: addressOf(backend, out.dataId) }, jobs),
      );
      return out;
    },
  });
}

/** A matrix, or several of one shape. */
export interface Matrix {
  readonly address: number;
  /** Distances, in elements, between rows, columns and matrices; 0 repeats one matrix. */
  readonly row: number;
  readonly column: number;
  readonly next: number;
}

export interface Product {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly batches: number;
  readonly a: Matrix;
  readonly b: Matrix;
  /** Address of the result, matrices [m, n] one after the other. */
  readonly c: number;
  /** What the products are multiplied by; default 1. */
  readonly scale?: number;
  /** What is then added to each: rows `row` elements apart, of which 0 repeats the first. */
  readonly start?: { readonly address: number; readonly row: number };
}

/** The job that computes scale·A·B + start. */
export function productJob(product: Product, { threads }: { readonly threads: number }): Job {
  const { m, n, k, batches, a, b, c, scale = 1, start = { address: 0, row: 0 } } = product;
  const across = batches * Math.ceil(n / BLOCK_COLUMNS);
  const fewestRows = Math.ceil(FEW / (k * Math.min(n, BLOCK_COLUMNS)));
  const parts = Math.min(Math.ceil((BLOCKS * threads) / across), Math.ceil(m / fewestRows));
  const blockRows = TILE_ROWS * Math.ceil(m / parts / TILE_ROWS);
  const rowBlocks = Math.ceil(m / blockRows);
  return {
    kernel: 'product',
    operands: [
      ...[m, n, k],
      ...[a.address, 4 * a.row, 4 * a.column, 4 * a.next],
      ...[b.address, 4 * b.row, 4 * b.column, 4 * b.next],
      ...[c, floatBits(scale), start.address, 4 * start.row],
      ...[blockRows, rowBlocks],
    ],
    items: across * rowBlocks,
    scratch: PRODUCT_SCRATCH,
  };
}

type Operand = Omit<Matrix, 'address'> & { readonly dataId: object };

interface StridedProduct extends Omit<Product, 'a' | 'b' | 'c'> {
  readonly a: Operand;
  readonly b: Operand;
  readonly shape: number[];
}

type KernelCall = Parameters<tf.KernelFunc>[0];

/** A product that is ours to compute; `undefined` leaves it to the package. */
function strided({ inputs, attrs }: KernelCall): StridedProduct | undefined {
  const [a, b] = [inputs['a'], inputs['b']] as [tf.TensorInfo, tf.TensorInfo];
  const { transposeA, transposeB } = attrs as unknown as Record<string, boolean>;
  if (a.dtype !== 'float32' || b.dtype !== 'float32') return undefined;
  const [aRows, aColumns] = a.shape.slice(-2) as [number, number];
  const [bRows, bColumns] = b.shape.slice(-2) as [number, number];
  const [m, k] = transposeA ? [aColumns, aRows] : [aRows, aColumns];
  const [n, inner] = transposeB ? [bRows, bColumns] : [bColumns, bRows];
  const [aOuter, bOuter] = [a.shape.slice(0, -2), b.shape.slice(0, -2)];
  const [aCount, bCount] = [sizeOf(aOuter), sizeOf(bOuter)];
  const batches = Math.max(aCount, bCount);
  // Wrong or empty shapes, and uneven broadcasts, are for the package to judge.
  const even = aCount === bCount || aCount === 1 || bCount === 1;
  if (k !== inner || !even || m * n * k * batches === 0) return undefined;
  const outer = aCount >= bCount ? aOuter : bOuter;
  const operand = (
    { dataId, shape }: tf.TensorInfo,
    transposed: boolean | undefined,
    count: number,
  ): Operand => {
    const [rows, columns] = shape.slice(-2) as [number, number];
    const next = count === 1 ? 0 : rows * columns;
    return transposed
      ? { dataId, row: 1, column: columns, next }
      : { dataId, row: columns, column: 1, next };
  };
  return {
    ...{ m, n, k, batches },
    a: operand(a, transposeA, aCount),
    b: operand(b, transposeB, bCount),
    shape: [...outer, m, n],
  };
}

function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, n) => product * n, 1);
}
