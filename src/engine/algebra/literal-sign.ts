import type { Config } from '../../shared/config/schema';
import type { ModuleGeometry, ModulePoint } from './module-geometry';
import type { Perturbation } from './perturbation';
import {
  crossOfColumns,
  crossOfRows,
  gramOfRows,
  multiply,
  trace,
  traceOfProduct,
  type Values,
} from './small-matrix';

/**
 * `perturb_sign: literal`. Eqs. 9 and 13 are printed with sign(g) · g/‖g‖, which is |g|/‖g‖ element
 * by element: no ascent direction. An absolute value has no r x r form, so this writes Ḡ [n, m] out.
 * @returns |Ḡ|Aᵀ [n, r], or Bᵀ|Ḡ| [r, m]
 */
export function literalDirection(
  point: ModulePoint,
  geometry: ModuleGeometry,
  { estimator, target }: { estimator: Config['method']['grad_estimator']; target: 'A' | 'B' },
): Float64Array {
  const { out, in: width, rank, loraA, loraB } = point;
  const g = estimatedGradient(point, geometry, estimator).map(Math.abs);
  return target === 'B'
    ? multiply(g, transposed(loraA, rank, width), { rows: out, inner: width, columns: rank })
    : multiply(transposed(loraB, out, rank), g, { rows: rank, inner: out, columns: width });
}

/** Products [r, r] of the direction D that `literalDirection` gives. */
export interface LiteralGrams {
  /** DᵀD, or DDᵀ for target A. */
  readonly gram: Float64Array;
  /** g_BᵀD, or Dg_Aᵀ. */
  readonly withGradient: Float64Array;
}

export function literalGrams(
  direction: Values,
  { gradA, gradB, rank, out, in: width }: ModulePoint,
  target: 'A' | 'B',
): LiteralGrams {
  return target === 'B'
    ? {
        gram: crossOfColumns(direction, direction, out, rank),
        withGradient: crossOfColumns(gradB, direction, out, rank),
      }
    : {
        gram: gramOfRows(direction, rank, width),
        withGradient: crossOfRows(direction, gradA, rank, width),
      };
}

/** E_B = |Ḡ| A⁺ = D K_A⁻¹, or E_A = B⁺ |Ḡ| = K_B⁺ D, times `scale`; ‖Ḡ‖ is as with SAM's sign. */
export function literalPerturbation(
  { rank, scaling, kAInverse, kBInverse }: ModuleGeometry,
  literal: LiteralGrams,
  { scale, onB }: { readonly scale: number; readonly onB: boolean },
): Omit<Perturbation, 'gradientNorm' | 'degenerate'> {
  const size = { rows: rank, inner: rank, columns: rank };
  const inverse = onB ? kAInverse : kBInverse;
  // Symmetric, so that PᵀDᵀDP and PDDᵀPᵀ read alike.
  const p = inverse.map((value) => value * scale);
  const e = multiply(multiply(p, literal.gram, size), p, size);
  return {
    ofGradient: p,
    ofFactor: new Float64Array(rank * rank),
    norm: Math.sqrt(Math.max(0, trace(e, rank))),
    // ‖D K_A⁻¹ A‖² = tr(K_A⁻¹ DᵀD); from the Gram of E it would square the condition number.
    rhoEff: scaling * scale * Math.sqrt(Math.max(0, traceOfProduct(inverse, literal.gram, rank))),
    // ⟨g_B, D P⟩ = tr(P g_BᵀD), and ⟨g_A, P D⟩ = tr(P D g_Aᵀ)
    gain: traceOfProduct(p, literal.withGradient, rank),
  };
}

/** Ḡ [n, m]: ½(G P_A + P_B G), G P_A, or G P_A + P_B G − P_B G P_A. */
function estimatedGradient(
  { out, in: width, rank, scaling, loraA, loraB, gradA, gradB }: ModulePoint,
  { kAInverse, kBInverse, c0 }: ModuleGeometry,
  estimator: Config['method']['grad_estimator'],
): Float64Array {
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
