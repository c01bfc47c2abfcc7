import type { Config } from '../../shared/config/schema';

export interface RhoPoint {
  /** 1-based optimizer step. */
  readonly step: number;
  readonly totalSteps: number;
  readonly stepsPerEpoch: number;
  /** Learning rate of this step as a fraction of its peak. */
  readonly lrFraction: number;
}

/** ρ_t. The paper leaves the schedule open; Theorem 2 has ρ/√t (`inv_sqrt`). */
export function rhoAt(
  { rho, rho_schedule, rho_final, rho_unit }: Config['method'],
  { step, totalSteps, stepsPerEpoch, lrFraction }: RhoPoint,
): number {
  const perEpoch = rho_unit === 'epoch';
  const t = perEpoch ? Math.ceil(step / stepsPerEpoch) : step;
  const last = perEpoch ? Math.ceil(totalSteps / stepsPerEpoch) : totalSteps;
  /** 0 at the first step or epoch, 1 at the last. */
  const progress = last > 1 ? (t - 1) / (last - 1) : 0;
  switch (rho_schedule) {
    case 'constant':
      return rho;
    case 'cosine':
      return rho * (rho_final + (1 - rho_final) * 0.5 * (1 + Math.cos(Math.PI * progress)));
    case 'linear':
      return rho * (1 - (1 - rho_final) * progress);
    case 'inv_sqrt':
      return rho / Math.sqrt(t);
    case 'lr_proportional':
      return rho * lrFraction;
  }
}
