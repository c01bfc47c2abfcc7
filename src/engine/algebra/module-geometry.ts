import type { Config } from '../../shared/config/schema';
import type { LiteralGrams } from './literal-sign';
import {
  congruence,
  crossOfColumns,
  gramOfRows,
  symmetricEigen,
  trace,
  traceOfProduct,
  truncatedPower,
  type SymmetricEigen,
  type Values,
} from './small-matrix';

/** Size and scale of an adapted module. */
export interface ModuleSize {
  /** n. */
  readonly out: number;
  /** m. */
  readonly in: number;
  /** r. */
  readonly rank: number;
  /** s. */
  readonly scaling: number;
}

/** A module's factors and raw gradients at one point, before clipping. */
export interface ModulePoint extends ModuleSize {
  /** A [r, m]. */
  readonly loraA: Values;
  /** B [n, r]; where the gradients were taken, so B̃ = B + Ê in EFMLoRA. */
  readonly loraB: Values;
  /** g_A = s Bᵀ G [r, m]. */
  readonly gradA: Values;
  /** g_B = s G Aᵀ [n, r]. */
  readonly gradB: Values;
  /** With `perturb_sign: literal`, |Ḡ|Aᵀ [n, r], or Bᵀ|Ḡ| [r, m]: what P multiplies, and not g. */
  readonly literal?: Values;
}

/** The products of a module's thin matrices that everything else follows from, all [r, r]. */
export interface ModuleGrams extends Pick<ModuleSize, 'rank' | 'scaling'> {
  /** K_A = A Aᵀ. */
  readonly kA: Float64Array;
  /** K_B = Bᵀ B. */
  readonly kB: Float64Array;
  /** C = Bᵀ g_B = g_A Aᵀ. */
  readonly c0: Float64Array;
  /** g_A g_Aᵀ. */
  readonly gradA: Float64Array;
  /** g_Bᵀ g_B. */
  readonly gradB: Float64Array;
}

export function moduleGrams(point: ModulePoint): ModuleGrams {
  const { loraA, loraB, gradA, gradB, rank, scaling, out, in: width } = point;
  return {
    rank,
    scaling,
    kA: gramOfRows(loraA, rank, width),
    kB: crossOfColumns(loraB, loraB, out, rank),
    c0: crossOfColumns(loraB, gradB, out, rank),
    gradA: gramOfRows(gradA, rank, width),
    gradB: crossOfColumns(gradB, gradB, out, rank),
  };
}

/** The r x r facts of one module that all estimators and metrics share. */
export interface ModuleGeometry extends ModuleGrams {
  readonly eigenA: SymmetricEigen;
  readonly eigenB: SymmetricEigen;
  /** K_A⁻¹, truncated at tau_a. */
  readonly kAInverse: Float64Array;
  /** K_B⁺, truncated at tau_b; 0 while B = 0. */
  readonly kBInverse: Float64Array;
  readonly a: number;
  readonly b: number;
  readonly c: number;
  /** With `perturb_sign: literal`. */
  readonly literal?: LiteralGrams;
}

/** B counts as 0 below this fraction of ‖A‖. */
const ZERO_B = 1e-8;

export function moduleGeometry(
  grams: ModuleGrams,
  { tau_a, tau_b }: Pick<Config['method'], 'tau_a' | 'tau_b'>,
): ModuleGeometry {
  const { kA, kB, c0, rank } = grams;
  const eigenA = symmetricEigen(kA, rank);
  const eigenB = symmetricEigen(kB, rank);
  const isZero = trace(kB, rank) <= ZERO_B ** 2 * trace(kA, rank);
  // One eigen-decomposition each, no jittered Cholesky: it gives the condition numbers as well, and
  // a jitter of 1e-10 would itself be the largest error of the result.
  const kAInverse = truncatedPower(eigenA, tau_a, -1);
  const kBInverse = isZero ? new Float64Array(rank * rank) : truncatedPower(eigenB, tau_b, -1);
  const a = traceOfProduct(kAInverse, grams.gradB, rank);
  const b = traceOfProduct(kBInverse, grams.gradA, rank);
  // c = tr(K_A⁻¹ Cᵀ K_B⁺ C)
  const c = traceOfProduct(kAInverse, congruence(c0, kBInverse, rank), rank);
  return { ...grams, eigenA, eigenB, kAInverse, kBInverse, a, b, c };
}

/**
 * s‖E_B A‖ = s√tr(E_Bᵀ E_B K_A), or s‖B E_A‖ = s√tr(K_B E_A E_Aᵀ).
 * @param e    E_Bᵀ E_B or E_A E_Aᵀ
 * @param gram K_A or K_B
 */
export function radiusInW(
  e: Float64Array,
  gram: Float64Array,
  { rank, scaling }: Pick<ModuleSize, 'rank' | 'scaling'>,
): number {
  return scaling * Math.sqrt(Math.max(0, traceOfProduct(e, gram, rank)));
}
