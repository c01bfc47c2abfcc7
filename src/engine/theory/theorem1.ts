import type { AppliedGrams } from '../algebra/applied-perturbation';
import type { ModuleGeometry, ModuleGrams } from '../algebra/module-geometry';
import { trace } from '../algebra/small-matrix';

/** 𝔅 = ½(‖B‖² − ‖A‖²) of one module, signed; the paper plots 2|𝔅|. */
export function balancedness({ kA, kB, rank }: Pick<ModuleGrams, 'kA' | 'kB' | 'rank'>): number {
  return 0.5 * (trace(kB, rank) - trace(kA, rank));
}

/**
 * d𝔅/dt where both factors are perturbed, as in LoRA-SAM: ⟨E_B, g̃_B⟩ − ⟨E_A, g̃_A⟩, exact as well.
 * @param e of E_A and of E_B, at the point they led to
 */
export function pairBalancednessRate(
  e: { readonly onA: AppliedGrams; readonly onB: AppliedGrams },
  rank: number,
): number {
  return trace(e.onB.withGradient, rank) - trace(e.onA.withGradient, rank);
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
 * @param applied   of the perturbation that was applied there, E_B or E_A
 * @param rho       ρ_t of the step
 * @param rhoUse    s‖E_B A‖ with the A of this step
 */
export function balancednessRate(
  perturbed: ModuleGeometry,
  applied: AppliedGrams,
  { rho, rhoUse, onB }: { rho: number; rhoUse: number; onB: boolean },
): BalancednessRate {
  const { scaling: s, eigenA, rank, kA, gradB, a } = perturbed;
  const inner = trace(applied.withGradient, rank);
  // The bounds are statements about a perturbation of B.
  if (!onB)
    return {
      rate: -inner,
      boundPaper: NaN,
      boundSigmaMin: NaN,
      boundTight: NaN,
    };
  const gradNorm = Math.sqrt(trace(gradB, rank));
  const sigmaMin = Math.sqrt(Math.max(0, Math.min(...eigenA.values)));
  return {
    rate: inner,
    boundPaper: (rho * gradNorm) / (s * Math.sqrt(trace(kA, rank))),
    boundSigmaMin: (rho * gradNorm) / (s * sigmaMin),
    // ‖g̃_B K_A^(−½)‖² = tr(K_A⁻¹ g̃_Bᵀ g̃_B), which the geometry has as a.
    boundTight: (rhoUse / s) * Math.sqrt(Math.max(0, a)),
  };
}
