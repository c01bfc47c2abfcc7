import type { ModuleGeometry, ModulePoint } from '../algebra/perturbation';
import {
  crossOfColumns,
  innerProduct,
  norm,
  traceOfProduct,
  type Values,
} from '../algebra/small-matrix';

/** 𝔅 = ½(‖B‖² − ‖A‖²) of one module, signed; the paper plots 2|𝔅|. */
export function balancedness(loraA: Values, loraB: Values): number {
  return 0.5 * (innerProduct(loraB, loraB) - innerProduct(loraA, loraA));
}

/**
 * d𝔅/dt where both factors are perturbed, as in LoRA-SAM: ⟨E_B, g̃_B⟩ − ⟨E_A, g̃_A⟩, exact as well.
 * @param perturbed point whose gradients are g̃
 */
export function pairBalancednessRate(
  { gradA, gradB }: Pick<ModulePoint, 'gradA' | 'gradB'>,
  { eA, eB }: { readonly eA: Values; readonly eB: Values },
): number {
  return innerProduct(eB, gradB) - innerProduct(eA, gradA);
}

export interface BalancednessRate {
  /** d𝔅/dt = ⟨E_B, g̃_B⟩ (target A: −⟨E_A, g̃_A⟩): exact under gradient flow, for any rank. */
  readonly rate: number;
  /** ρ‖g̃_B‖/(s‖A‖): Eq. 17 as printed, violated by up to √r already at B = 0. */
  readonly boundPaper: number;
  /** ρ‖g̃_B‖/(s σ_min(A)): the norm that the proof needs. */
  readonly boundSigmaMin: number;
  /** (ρ_use/s)‖g̃_B K_A^(−½)‖: gauge-invariant, holds for EFMLoRA with the radius at use. */
  readonly boundTight: number;
}

/**
 * Theorem 1 at one step.
 * @param perturbed geometry at the perturbed point (its gradients are g̃)
 * @param e         the perturbation that was applied there: E_B [n, r], or E_A [r, m]
 * @param rho       ρ_t of the step
 * @param rhoUse    s‖E_B A‖ with the A of this step
 */
export function balancednessRate(
  perturbed: ModuleGeometry,
  e: Values,
  { rho, rhoUse, onB }: { rho: number; rhoUse: number; onB: boolean },
): BalancednessRate {
  const { point, eigenA, kAInverse } = perturbed;
  // The bounds are statements about a perturbation of B.
  if (!onB)
    return {
      rate: -innerProduct(e, point.gradA),
      boundPaper: NaN,
      boundSigmaMin: NaN,
      boundTight: NaN,
    };
  const { scaling: s, gradB, out, rank } = point;
  const gradNorm = norm(gradB);
  const sigmaMin = Math.sqrt(Math.max(0, Math.min(...eigenA.values)));
  const whitened = traceOfProduct(kAInverse, crossOfColumns(gradB, gradB, out, rank), rank);
  return {
    rate: innerProduct(e, gradB),
    boundPaper: (rho * gradNorm) / (s * norm(point.loraA)),
    boundSigmaMin: (rho * gradNorm) / (s * sigmaMin),
    boundTight: (rhoUse / s) * Math.sqrt(Math.max(0, whitened)),
  };
}
