import * as tf from '@tensorflow/tfjs-core';
import type { BackendWasm } from '@tensorflow/tfjs-backend-wasm';
import { PRODUCT_WASM } from './kernels/product.wasm';

/**
 * Below this many rows the package's kernel spends more on rearranging the right operand than on
 * multiplying, and it keeps the rearranged copy as long as the operand lives.
 */
const FEW_ROWS = 32;

/** The part of the platform's WebAssembly that is used here; the types of Node leave it out. */
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (
    module: object,
    imports: { readonly tfjs: { readonly memory: object } },
  ) => { readonly exports: Readonly<Record<string, unknown>> };
};

/** The part of the package's Emscripten module that is used here. */
interface HeapModule {
  readonly asm: { readonly memory: object };
  _malloc(bytes: number): number;
  _free(address: number): void;
}

type Multiply = (...addressesAndSizes: number[]) => void;

/**
 * Gives the wasm backend a product that stays fast when an operand is transposed or there are
 * several matrices: there the package multiplies number by number, ten times slower. Plain
 * products of many rows remain with the package.
 */
export function registerFastProduct(): void {
  const original = tf.getKernel('BatchMatMul', 'wasm');
  const backend = tf.backend() as BackendWasm;
  const heap = (backend as unknown as { readonly wasm: HeapModule }).wasm;
  const code = new WebAssembly.Module(Buffer.from(PRODUCT_WASM, 'base64'));
  const instance = new WebAssembly.Instance(code, { tfjs: { memory: heap.asm.memory } });
  const multiply = instance.exports['multiply'] as Multiply;
  const scratch = scratchMemory(heap);

  tf.unregisterKernel('BatchMatMul', 'wasm');
  tf.registerKernel({
    ...original,
    kernelFunc: (call) => {
      const product = strided(call);
      if (!product) return original.kernelFunc(call);
      const { m, n, k, batches, a, b, shape } = product;
      const out = backend.makeOutput(shape, 'float32');
      const address = (dataId: object): number => addressOf(backend, dataId);
      const [from, to] = [scratch(128 + 32 * k), address(out.dataId)];
      for (let i = 0; i < batches; i++) {
        const left = address(a.dataId) + 4 * a.next * i;
        const right = address(b.dataId) + 4 * b.next * i;
        const strides = [a.row, a.column, b.row, b.column].map((stride) => 4 * stride);
        multiply(left, right, to + 4 * m * n * i, from, m, n, k, ...strides);
      }
      return out;
    },
  });
}

interface Operand {
  readonly dataId: object;
  /** Distances, in elements, between rows, columns and matrices; 0 repeats one matrix. */
  readonly row: number;
  readonly column: number;
  readonly next: number;
}

interface StridedProduct {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly batches: number;
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
  const plain = !transposeA && !transposeB && batches === 1 && m >= FEW_ROWS;
  // Wrong or empty shapes, and uneven broadcasts, are for the package to judge.
  const even = aCount === bCount || aCount === 1 || bCount === 1;
  if (plain || k !== inner || !even || m * n * k * batches === 0) return undefined;
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

function addressOf(backend: BackendWasm, dataId: object): number {
  const data = backend['dataIdMap'].get(dataId) as { readonly memoryOffset: number };
  return data.memoryOffset;
}

/** One block of the heap, replaced when a larger one is needed. */
function scratchMemory(heap: HeapModule): (bytes: number) => number {
  let block = { address: 0, bytes: 0 };
  return (bytes) => {
    if (bytes > block.bytes) {
      if (block.bytes > 0) heap._free(block.address);
      block = { address: heap._malloc(bytes), bytes };
    }
    return block.address;
  };
}
