import { EigenvalueDecomposition, Matrix } from 'ml-matrix';

/** Row-major values as they come off a device (float32) or out of a test (float64). */
export type Values = Float32Array | Float64Array;

/**
 * M Mᵀ of M [rows, columns], accumulated in float64: a Gram squares the condition number, and in
 * float32 that loss would show as a perturbation that quietly shrinks, never as NaN.
 */
export function gramOfRows(m: Values, rows: number, columns: number): Float64Array {
  const gram = new Float64Array(rows * rows);
  for (let p = 0; p < rows; p++)
    for (let q = p; q < rows; q++) {
      let sum = 0;
      for (let k = 0, i = p * columns, j = q * columns; k < columns; k++)
        sum += (m[i++] as number) * (m[j++] as number);
      gram[p * rows + q] = gram[q * rows + p] = sum;
    }
  return gram;
}

/** Lᵀ R [columns, columns] of L, R [rows, columns], accumulated in float64. */
export function crossOfColumns(
  left: Values,
  right: Values,
  rows: number,
  columns: number,
): Float64Array {
  const cross = new Float64Array(columns * columns);
  for (let i = 0; i < rows; i++)
    for (let p = 0, row = i * columns; p < columns; p++) {
      const l = left[row + p] as number;
      for (let q = 0; q < columns; q++)
        cross[p * columns + q] =
          (cross[p * columns + q] as number) + l * (right[row + q] as number);
    }
  return cross;
}

/** L R [rows, columns] of L [rows, inner] and R [inner, columns], in float64. */
export function multiply(
  left: Values,
  right: Values,
  { rows, inner, columns }: { rows: number; inner: number; columns: number },
): Float64Array {
  const product = new Float64Array(rows * columns);
  for (let i = 0; i < rows; i++)
    for (let k = 0; k < inner; k++) {
      const l = left[i * inner + k] as number;
      for (let j = 0; j < columns; j++)
        product[i * columns + j] =
          (product[i * columns + j] as number) + l * (right[k * columns + j] as number);
    }
  return product;
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
