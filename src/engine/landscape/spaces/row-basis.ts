import { gramOfRows, multiply, symmetricEigen, type Values } from '../../algebra/small-matrix';

export interface RowBasis {
  /** k, the rank of A. */
  readonly size: number;
  /** L [r, k] of A = L Qᵀ. */
  readonly l: Float64Array;
  /** L⁺ [k, r]. */
  readonly lInverse: Float64Array;
  /** Qᵀ [k, in], orthonormal rows. */
  readonly q: Float64Array;
}

/** Singular values of A below this fraction of the largest count as 0, as `tau_a` has it. */
const TOLERANCE = 1e-6;

/**
 * A = L Qᵀ of A [r, in]. Of all orthonormal bases of the row space, Q is the one that a pivoted
 * Cholesky factorisation of the projector QQᵀ makes: it depends on the space alone, and not on which
 * A of R A spans it.
 */
export function rowBasis(a: Values, rank: number, width: number): RowBasis {
  const { values, vectors } = symmetricEigen(gramOfRows(a, rank, width), rank);
  const largest = Math.max(0, ...values);
  const kept = values.flatMap((value, j) =>
    value > 0 && value >= TOLERANCE ** 2 * largest ? [{ j, root: Math.sqrt(value) }] : [],
  );
  const size = kept.length;
  // Any basis first: A = (VΛ^½)(Λ^-½ Vᵀ A).
  const inverse = new Float64Array(size * rank);
  const factor = new Float64Array(rank * size);
  for (const [i, { j, root }] of kept.entries())
    for (let p = 0; p < rank; p++) {
      const v = vectors[p * rank + j] as number;
      inverse[i * rank + p] = v / root;
      factor[p * size + i] = v * root;
    }
  const anyQ = multiply(inverse, Float64Array.from(a), {
    rows: size,
    inner: rank,
    columns: width,
  });
  const turn = canonicalTurn(anyQ, size, width); // O [k, k]
  const back = new Float64Array(size * size);
  for (let i = 0; i < size; i++)
    for (let j = 0; j < size; j++) back[j * size + i] = turn[i * size + j] as number;
  return {
    size,
    l: multiply(factor, turn, { rows: rank, inner: size, columns: size }),
    lInverse: multiply(back, inverse, { rows: size, inner: size, columns: rank }),
    q: multiply(back, anyQ, { rows: size, inner: size, columns: width }),
  };
}

/**
 * O [k, k], orthogonal, of which column t is the direction of the column of Qᵀ [k, in] that is
 * longest once columns 0 to t − 1 of O are taken out of all.
 */
function canonicalTurn(q: Float64Array, size: number, width: number): Float64Array {
  const left = Float64Array.from(q);
  const turn = new Float64Array(size * size);
  for (let t = 0; t < size; t++) {
    const axis = longestColumn(left, size, width);
    // Again, for what rounding left of the earlier ones.
    for (let s = 0; s < t; s++) {
      let along = 0;
      for (let i = 0; i < size; i++) along += (axis[i] as number) * (turn[i * size + s] as number);
      for (let i = 0; i < size; i++)
        axis[i] = (axis[i] as number) - along * (turn[i * size + s] as number);
    }
    const length = Math.hypot(...axis);
    for (let i = 0; i < size; i++) turn[i * size + t] = (axis[i] as number) / length;
    takeOut(left, turn, t, size, width);
  }
  return turn;
}

function longestColumn(left: Float64Array, size: number, width: number): Float64Array {
  const column = (c: number) =>
    Float64Array.from({ length: size }, (_, i) => left[i * width + c] as number);
  let best = column(0);
  let longest = -1;
  for (let c = 0; c < width; c++) {
    const candidate = column(c);
    const square = candidate.reduce((sum, v) => sum + v * v, 0);
    // A tie, up to rounding, goes to the first.
    if (square > longest * (1 + 1e-9)) [best, longest] = [candidate, square];
  }
  return best;
}

/** Takes the direction of column t of O out of all columns. */
function takeOut(
  left: Float64Array,
  turn: Float64Array,
  t: number,
  size: number,
  width: number,
): void {
  for (let c = 0; c < width; c++) {
    let along = 0;
    for (let i = 0; i < size; i++)
      along += (left[i * width + c] as number) * (turn[i * size + t] as number);
    for (let i = 0; i < size; i++)
      left[i * width + c] =
        (left[i * width + c] as number) - along * (turn[i * size + t] as number);
  }
}
