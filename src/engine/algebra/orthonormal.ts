import type { Values } from './small-matrix';

/** Lᵀ R [left, right] of L [rows, left] and R [rows, right], in float64. */
export function transposeMultiply(
  l: Values,
  r: Values,
  { rows, left, right }: { rows: number; left: number; right: number },
): Float64Array {
  const product = new Float64Array(left * right);
  for (let i = 0; i < rows; i++)
    for (let p = 0; p < left; p++) {
      const value = l[i * left + p] as number;
      for (let q = 0; q < right; q++)
        product[p * right + q] =
          (product[p * right + q] as number) + value * (r[i * right + q] as number);
    }
  return product;
}

/** Columns of M [rows, columns] made orthonormal, twice over as rounding wants; 0 if dependent. */
export function orthonormal(m: Float64Array, rows: number, columns: number): Float64Array {
  const q = Float64Array.from(m);
  const dot = (a: number, b: number): number => {
    let sum = 0;
    for (let i = 0; i < rows; i++)
      sum += (q[i * columns + a] as number) * (q[i * columns + b] as number);
    return sum;
  };
  for (let c = 0; c < columns; c++) {
    const before = Math.sqrt(dot(c, c));
    for (let pass = 0; pass < 2; pass++)
      for (let p = 0; p < c; p++) {
        const along = dot(p, c);
        for (let i = 0; i < rows; i++)
          q[i * columns + c] =
            (q[i * columns + c] as number) - along * (q[i * columns + p] as number);
      }
    const length = Math.sqrt(dot(c, c));
    const scale = length > 1e-14 * before ? 1 / length : 0;
    for (let i = 0; i < rows; i++) q[i * columns + c] = (q[i * columns + c] as number) * scale;
  }
  return q;
}
