import { EigenvalueDecomposition, Matrix } from 'ml-matrix';

/** Row-major values as they come off a device (float32) or out of a test (float64). */
export type Values = Float32Array | Float64Array;

/**
 * M Mᵀ of M [rows, columns], accumulated in float64: a Gram squares the condition number, and in
 * float32 that loss would show as a perturbation that quietly shrinks, never as NaN.
 */
export function gramOfRows(m: Values, rows: number, columns: number): Float64Array {
  return crossOfRows(m, m, rows, columns);
}

/** L Rᵀ [rows, rows] of L, R [rows, columns], accumulated in float64. */
export function crossOfRows(
  left: Values,
  right: Values,
  rows: number,
  columns: number,
): Float64Array {
  return dotProducts(left, right, { count: rows, length: columns, apart: columns, next: 1 });
}

/** Lᵀ R [columns, columns] of L, R [rows, columns], accumulated in float64. */
export function crossOfColumns(
  left: Values,
  right: Values,
  rows: number,
  columns: number,
): Float64Array {
  return dotProducts(left, right, { count: columns, length: rows, apart: 1, next: columns });
}

/** `count` vectors of `length` in an array: from one to the next, and from entry to entry. */
interface Vectors {
  readonly count: number;
  readonly length: number;
  readonly apart: number;
  readonly next: number;
}

/** Inner products of all vectors of L with all of R; of each pair once where L is R. */
function dotProducts(left: Values, right: Values, vectors: Vectors): Float64Array {
  const { count } = vectors;
  const products = new Float64Array(count * count);
  const isGram = left === right;
  // Fours: sixteen sums in registers for eight loads, 4 to 5 times as fast as one by one.
  const whole = count - (count % 4);
  for (let p = 0; p < whole; p += 4)
    for (let q = isGram ? p : 0; q < whole; q += 4)
      fourByFour(left, right, vectors, p, q, products);
  for (let p = 0; p < count; p++)
    for (let q = p < whole ? whole : isGram ? p : 0; q < count; q++)
      products[p * count + q] = dot(left, right, vectors, p, q);
  if (isGram)
    for (let p = 1; p < count; p++)
      for (let q = 0; q < p; q++) products[p * count + q] = products[q * count + p] as number;
  return products;
}

function dot(left: Values, right: Values, { length, apart, next }: Vectors, p: number, q: number) {
  let sum = 0;
  for (let k = 0, i = p * apart, j = q * apart; k < length; k++, i += next, j += next)
    sum += (left[i] as number) * (right[j] as number);
  return sum;
}

function fourByFour(
  left: Values,
  right: Values,
  { count, length, apart, next }: Vectors,
  p: number,
  q: number,
  products: Float64Array,
): void {
  let [s00, s01, s02, s03, s10, s11, s12, s13] = [0, 0, 0, 0, 0, 0, 0, 0];
  let [s20, s21, s22, s23, s30, s31, s32, s33] = [0, 0, 0, 0, 0, 0, 0, 0];
  for (let k = 0, i = p * apart, j = q * apart; k < length; k++, i += next, j += next) {
    const x0 = left[i] as number;
    const x1 = left[i + apart] as number;
    const x2 = left[i + 2 * apart] as number;
    const x3 = left[i + 3 * apart] as number;
    const y0 = right[j] as number;
    const y1 = right[j + apart] as number;
    const y2 = right[j + 2 * apart] as number;
    const y3 = right[j + 3 * apart] as number;
    s00 += x0 * y0;
    s01 += x0 * y1;
    s02 += x0 * y2;
    s03 += x0 * y3;
    s10 += x1 * y0;
    s11 += x1 * y1;
    s12 += x1 * y2;
    s13 += x1 * y3;
    s20 += x2 * y0;
    s21 += x2 * y1;
    s22 += x2 * y2;
    s23 += x2 * y3;
    s30 += x3 * y0;
    s31 += x3 * y1;
    s32 += x3 * y2;
    s33 += x3 * y3;
  }
  products.set([s00, s01, s02, s03], p * count + q);
  products.set([s10, s11, s12, s13], (p + 1) * count + q);
  products.set([s20, s21, s22, s23], (p + 2) * count + q);
  products.set([s30, s31, s32, s33], (p + 3) * count + q);
}

/** L R [rows, columns] of L [rows, inner] and R [inner, columns], in float64. */
export function multiply(
  left: Values,
  right: Values,
  size: { readonly rows: number; readonly inner: number; readonly columns: number },
): Float64Array {
  const product = new Float64Array(size.rows * size.columns);
  addProduct(product, left, right, size);
  return product;
}

/** Adds L R to `sum` [rows, columns]. */
export function addProduct(
  sum: Float64Array,
  left: Values,
  right: Values,
  {
    rows,
    inner,
    columns,
  }: { readonly rows: number; readonly inner: number; readonly columns: number },
): void {
  const whole = columns - (columns % 4);
  for (let i = 0; i < rows; i++) {
    const row = i * columns;
    for (let j = 0; j < whole; j += 4) {
      const to = row + j;
      let s0 = sum[to] as number;
      let s1 = sum[to + 1] as number;
      let s2 = sum[to + 2] as number;
      let s3 = sum[to + 3] as number;
      for (let k = 0, at = i * inner, from = j; k < inner; k++, at++, from += columns) {
        const l = left[at] as number;
        s0 += l * (right[from] as number);
        s1 += l * (right[from + 1] as number);
        s2 += l * (right[from + 2] as number);
        s3 += l * (right[from + 3] as number);
      }
      sum[to] = s0;
      sum[to + 1] = s1;
      sum[to + 2] = s2;
      sum[to + 3] = s3;
    }
    for (let j = whole; j < columns; j++) {
      let s = sum[row + j] as number;
      for (let k = 0; k < inner; k++)
        s += (left[i * inner + k] as number) * (right[k * columns + j] as number);
      sum[row + j] = s;
    }
  }
}

export function transpose(m: Float64Array, size: number): Float64Array {
  return m.map((_, i) => m[(i % size) * size + Math.floor(i / size)] as number);
}

/** tr(P) of a square P. */
export function trace(p: Values, size: number): number {
  let sum = 0;
  for (let i = 0; i < size; i++) sum += p[i * size + i] as number;
  return sum;
}

/** tr(P Q) of square P, Q [size, size]. */
export function traceOfProduct(p: Values, q: Values, size: number): number {
  let trace = 0;
  for (let i = 0; i < size; i++)
    for (let k = 0; k < size; k++)
      trace += (p[i * size + k] as number) * (q[k * size + i] as number);
  return trace;
}

/** ⟨P, Q⟩ of equal shapes. */
export function innerProduct(p: Values, q: Values): number {
  let sum = 0;
  for (let i = 0; i < p.length; i++) sum += (p[i] as number) * (q[i] as number);
  return sum;
}

/** Frobenius norm. */
export function norm(values: Values): number {
  return Math.sqrt(innerProduct(values, values));
}

/** Eigenvalues (ascending) and, in columns, eigenvectors of a symmetric K [size, size]. */
export interface SymmetricEigen {
  readonly size: number;
  readonly values: readonly number[];
  /** Row-major [size, size]; column j belongs to value j. */
  readonly vectors: Float64Array;
}

export function symmetricEigen(k: Float64Array, size: number): SymmetricEigen {
  if (!k.every(Number.isFinite))
    return {
      size,
      values: new Array<number>(size).fill(NaN),
      vectors: new Float64Array(size * size),
    };
  const evd = new EigenvalueDecomposition(Matrix.from1DArray(size, size, k), {
    assumeSymmetric: true,
  });
  return {
    size,
    values: evd.realEigenvalues,
    vectors: Float64Array.from(evd.eigenvectorMatrix.to1DArray()),
  };
}

/**
 * V f(λ) Vᵀ over the eigenvalues whose square root exceeds `tau` times the largest, so that `tau`
 * is a tolerance on singular values of the factor behind the Gram.
 * @param power −1 for the pseudo-inverse, −½ for the inverse square root
 */
export function truncatedPower(eigen: SymmetricEigen, tau: number, power: -1 | -0.5): Float64Array {
  const { size, values, vectors } = eigen;
  const largest = Math.max(0, ...values);
  const result = new Float64Array(size * size);
  for (let j = 0; j < size; j++) {
    const value = values[j] as number;
    if (!(value > 0) || value < tau * tau * largest) continue;
    const weight = value ** power;
    for (let p = 0; p < size; p++)
      for (let q = 0; q < size; q++)
        result[p * size + q] =
          (result[p * size + q] as number) +
          weight * (vectors[p * size + j] as number) * (vectors[q * size + j] as number);
  }
  return result;
}

/** Condition number of the factor behind a Gram; NaN for a zero factor, ∞ for a deficient one. */
export function conditionNumber({ values }: SymmetricEigen): number {
  const largest = Math.max(...values);
  const smallest = Math.max(0, Math.min(...values));
  return largest > 0 ? Math.sqrt(largest / smallest) : NaN;
}

/** Mᵀ K M. */
export function congruence(m: Float64Array, k: Float64Array, rank: number): Float64Array {
  const size = square(rank);
  return multiply(transpose(m, rank), multiply(k, m, size), size);
}

/** The sizes of a product of r x r matrices. */
export function square(rank: number): { rows: number; inner: number; columns: number } {
  return { rows: rank, inner: rank, columns: rank };
}
