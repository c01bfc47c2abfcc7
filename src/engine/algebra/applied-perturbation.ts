import type { ModulePoint } from './module-geometry';
import type { Perturbation } from './perturbation';
import {
  addProduct,
  crossOfColumns,
  crossOfRows,
  trace,
  traceOfProduct,
  transpose,
  type Values,
} from './small-matrix';

/** E_B [n, r], or E_A [r, m], of a module whose values are at hand. */
export function densePerturbation(
  point: ModulePoint,
  { ofGradient, ofFactor, degenerate }: Perturbation,
  target: 'A' | 'B',
): Float64Array {
  const { out, in: width, rank } = point;
  const onB = target === 'B';
  const size = onB
    ? { rows: out, inner: rank, columns: rank }
    : { rows: rank, inner: rank, columns: width };
  const e = new Float64Array(size.rows * size.columns);
  // Not 0 times gradients that may not be finite.
  if (degenerate) return e;
  if (onB) {
    addProduct(e, point.literal ?? point.gradB, ofGradient, size);
    addProduct(e, point.loraB, ofFactor, size);
  } else {
    addProduct(e, ofGradient, point.literal ?? point.gradA, size);
    addProduct(e, ofFactor, point.loraA, size);
  }
  return e;
}

/** Products of a perturbation Ê that was applied, at the point it led to; all [r, r]. */
export interface AppliedGrams {
  /** ÊᵀÊ, or ÊÊᵀ for target A. */
  readonly gram: Float64Array;
  /** Êᵀg̃_B, or Êg̃_Aᵀ. */
  readonly withGradient: Float64Array;
  /** ÊᵀB̃, or ÊÃᵀ. */
  readonly withFactor: Float64Array;
  /** With `perturb_sign: literal`, Ê with what P multiplies there in the place of g. */
  readonly withLiteral?: Float64Array;
}

export function appliedGrams(e: Values, point: ModulePoint, target: 'A' | 'B'): AppliedGrams {
  const { loraA, loraB, gradA, gradB, rank, out, in: width, literal } = point;
  const onB = target === 'B';
  const cross = (other: Values) =>
    onB ? crossOfColumns(e, other, out, rank) : crossOfRows(e, other, rank, width);
  return {
    gram: cross(e),
    withGradient: cross(onB ? gradB : gradA),
    withFactor: cross(onB ? loraB : loraA),
    ...(literal && { withLiteral: cross(literal) }),
  };
}

/** cos(Ê, E) of the perturbation that was applied and the one computed from where it led. */
export function alignment(
  { gram, withGradient, withFactor, withLiteral }: AppliedGrams,
  computed: Perturbation,
  rank: number,
  target: 'A' | 'B',
): number {
  const of = (m: Float64Array) => (target === 'B' ? m : transpose(m, rank));
  const inner =
    traceOfProduct(of(withLiteral ?? withGradient), computed.ofGradient, rank) +
    traceOfProduct(of(withFactor), computed.ofFactor, rank);
  return inner / (Math.sqrt(trace(gram, rank)) * computed.norm);
}
