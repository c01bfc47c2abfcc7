import type { Config } from '../../shared/config/schema';
import type { ModuleGeometry } from './perturbation';
import { multiply } from './small-matrix';

/**
 * `perturb_sign: literal`. Eqs. 9 and 13 are printed with sign(g) · g/‖g‖, which is |g|/‖g‖ element
 * by element: no ascent direction. An absolute value has no r x r form, so this writes Ḡ [n, m] out.
 * @returns |Ḡ| A⁺ [n, r], or B⁺ |Ḡ| [r, m]; ‖Ḡ‖ is as before
 */
export function literalDirection(
  geometry: ModuleGeometry,
  estimator: Config['method']['grad_estimator'],
  onB: boolean,
): Float64Array {
  const { point, kAInverse, kBInverse } = geometry;
  const { out, in: width, rank, loraA, loraB } = point;
  const g = estimatedGradient(geometry, estimator).map(Math.abs);
  if (onB) {
    const gAt = multiply(g, transposed(loraA, rank, width), {
      rows: out,
      inner: width,
      columns: rank,
    });
    return multiply(gAt, kAInverse, { rows: out, inner: rank, columns: rank });
  }
  const bTg = multiply(transposed(loraB, out, rank), g, {
    rows: rank,
    inner: out,
    columns: width,
  });
  return multiply(kBInverse, bTg, { rows: rank, inner: rank, columns: width });
}

/** Ḡ [n, m]: ½(G P_A + P_B G), G P_A, or G P_A + P_B G − P_B G P_A. */
function estimatedGradient(
  { point, kAInverse, kBInverse, c0 }: ModuleGeometry,
  estimator: Config['method']['grad_estimator'],
): Float64Array {
  const { out, in: width, rank, scaling, loraA, loraB, gradA, gradB } = point;
  const square = { rows: rank, inner: rank, columns: rank };
  const tall = { rows: out, inner: rank, columns: rank };
  const wide = { rows: rank, inner: rank, columns: width };
  const full = { rows: out, inner: rank, columns: width };
  const onRows = multiply(multiply(gradB, kAInverse, tall), loraA, full); // s G P_A
  if (estimator === 'A_only') return onRows.map((v) => v / scaling);
  const onColumns = multiply(loraB, multiply(kBInverse, gradA, wide), full); // s P_B G
  if (estimator === 'paper_mean')
    return onRows.map((v, i) => (v + (onColumns[i] as number)) / (2 * scaling));
  const middle = multiply(multiply(kBInverse, c0, square), kAInverse, square);
  const both = multiply(multiply(loraB, middle, tall), loraA, full); // s P_B G P_A
  return onRows.map((v, i) => (v + (onColumns[i] as number) - (both[i] as number)) / scaling);
}

function transposed(m: ArrayLike<number>, rows: number, columns: number): Float64Array {
  return Float64Array.from(
    { length: m.length },
    (_, i) => m[(i % rows) * columns + Math.floor(i / rows)] as number,
  );
}
