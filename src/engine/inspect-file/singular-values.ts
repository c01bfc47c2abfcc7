import { Matrix, SingularValueDecomposition } from 'ml-matrix';

/** Row-major [rows, columns] in float64. */
export interface Dense {
  readonly rows: number;
  readonly columns: number;
  readonly values: Float64Array;
}

/** Columns of work after which others get their turn: a few milliseconds at r 64. */
const WORK_PER_TURN = 4e6;

/**
 * The lower factor L [rows, k], k = min(rows, columns), of M = L Qᵀ with orthonormal Q, by
 * Householder reflections (Golub and Van Loan, 5.2.2, on rows). Unlike a Gram matrix it does not
 * square the condition number. `m.values` are overwritten.
 * @param pause awaited now and then, so that a large factor can be given up
 */
export async function lowerFactor(m: Dense, pause: () => Promise<void>): Promise<Dense> {
  const { rows, columns, values } = m;
  const k = Math.min(rows, columns);
  const lower = new Float64Array(rows * k);
  let work = 0;
  for (let j = 0; j < k; j++) {
    lower[j * k + j] = reflect(m, j);
    for (let i = j + 1; i < rows; i++) lower[i * k + j] = values[i * columns + j] as number;
    work += 4 * (rows - j) * (columns - j);
    if (work < WORK_PER_TURN) continue;
    work = 0;
    await pause();
  }
  return { rows, columns: k, values: lower };
}

/** Turns row j into a multiple of the j-th unit vector, and the later rows with it. */
function reflect({ rows, columns, values }: Dense, j: number): number {
  const v = values.subarray(j * columns + j, (j + 1) * columns);
  const first = v[0] as number;
  const norm = Math.sqrt(sumOfSquares(v));
  if (norm === 0) return 0;
  const pivot = first > 0 ? -norm : norm;
  v[0] = first - pivot;
  const half = norm * (norm + Math.abs(first));
  for (let i = j + 1; i < rows; i++) {
    const row = values.subarray(i * columns + j, (i + 1) * columns);
    let product = 0;
    for (let c = 0; c < v.length; c++) product += (v[c] as number) * (row[c] as number);
    const factor = product / half;
    for (let c = 0; c < v.length; c++) row[c] = (row[c] as number) - factor * (v[c] as number);
  }
  return pivot;
}

/** Σ x². */
export function sumOfSquares(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += (values[i] as number) ** 2;
  return sum;
}

/** Singular values, largest first: min(rows, columns) of them. */
export function singularValues({ rows, columns, values }: Dense): number[] {
  // A decomposition of nothing but zeros is not what iterations are for.
  if (values.every((value) => value === 0))
    return new Array<number>(Math.min(rows, columns)).fill(0);
  const { diagonal } = new SingularValueDecomposition(Matrix.from1DArray(rows, columns, values), {
    computeLeftSingularVectors: false,
    computeRightSingularVectors: false,
    autoTranspose: true,
  });
  return [...diagonal].map(Math.abs).sort((a, b) => b - a);
}
