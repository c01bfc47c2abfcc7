import type { AppliedGrams } from './applied-perturbation';
import type { ModuleSize } from './module-geometry';
import { traceOfProduct } from './small-matrix';

/**
 * s‖(B + E_B)(A + E_A) − BA‖, the distance in W that moving both factors makes, from r x r products:
 * the difference is E_B Ã + B E_A, whose squared norm is
 * tr(E_BᵀE_B ÃÃᵀ) + 2 tr(E_BᵀB E_AÃᵀ) + tr(BᵀB E_AE_Aᵀ).
 * @param e  of E_A and of E_B, at the point they led to
 * @param kA ÃÃᵀ, perturbed
 * @param kB BᵀB, clean
 */
export function changeOfProduct(
  { onA, onB }: { readonly onA: AppliedGrams; readonly onB: AppliedGrams },
  { kA, kB }: { readonly kA: Float64Array; readonly kB: Float64Array },
  { rank, scaling }: Pick<ModuleSize, 'rank' | 'scaling'>,
): number {
  // E_BᵀB = E_BᵀB̃ − E_BᵀE_B
  const withClean = onB.withFactor.map((value, i) => value - (onB.gram[i] as number));
  const square =
    traceOfProduct(onB.gram, kA, rank) +
    2 * traceOfProduct(withClean, onA.withFactor, rank) +
    traceOfProduct(kB, onA.gram, rank);
  return scaling * Math.sqrt(Math.max(0, square));
}
