import type { Config } from '../../shared/config/schema';

/** The constants of Theorem 2 so far, each a maximum over the probes; kept in checkpoints. */
export interface Theorem2Constants {
  /** G */
  readonly gradientNorm: number;
  /** τ */
  readonly smoothness: number;
  /** σ; 0 while it was not measured. */
  readonly deviation: number;
  /** ρ₀ in the coordinates of the perturbed factor. */
  readonly rho0: number;
}

export const NO_CONSTANTS: Theorem2Constants = {
  gradientNorm: 0,
  smoothness: 0,
  deviation: 0,
  rho0: 0,
};

/**
 * ((1 + q) τ ρ₀ + G + σ)((1 + q) ρ₀ + ρ₀/√t), q = (1 − β)^(t−1): as printed but for σ, where the
 * paper has σ² against its own definition. NaN where its premises fail.
 */
export function theorem2Bound(
  { gradientNorm, smoothness, deviation, rho0 }: Theorem2Constants,
  step: number,
  method: Pick<Config['method'], 'rho_schedule' | 'rho_unit' | 'beta' | 'ema_convention'>,
): number {
  if (method.rho_schedule !== 'inv_sqrt' || method.rho_unit !== 'step') return NaN;
  if (!(deviation > 0)) return NaN;
  const weightOfNew = method.ema_convention === 'paper' ? method.beta : 1 - method.beta;
  const q = (1 - weightOfNew) ** (step - 1);
  return (
    ((1 + q) * smoothness * rho0 + gradientNorm + deviation) *
    ((1 + q) * rho0 + rho0 / Math.sqrt(step))
  );
}
