import { norm } from '../algebra/small-matrix';
import { fromOneGradient, slopeAt, type Slope } from './at-point';
import { scaled } from './dense-vector';
import type { LandscapeMeasure, Measured, MeasuredScope } from './measure';
import { scalarResult, withoutAscent } from './scalar-result';

/**
 * First-order flatness ρ · max_{‖δ‖≤ρ} ‖∇L(w + δ)‖ (arXiv 2303.03108), estimated at the ascent point
 * δ = ρ g/‖g‖, as GAM does: a lower bound of the maximum.
 */
export const firstOrderFlatness: LandscapeMeasure = {
  measure: async (context) => flatness(context, context.rho, await slopeAt(context)),
  measureTogether: (context, scopes) =>
    fromOneGradient(context, scopes, (scope, start) => flatness(scope, context.rho, start)),
  passes: (_task, scopes) => ({ forwards: 0, gradients: 1 + scopes }),
};

async function flatness(
  scope: MeasuredScope,
  rho: number,
  { loss, gradient }: Slope,
): Promise<Measured> {
  const gradientNorm = norm(gradient);
  const stuck = withoutAscent(loss, gradientNorm, 0);
  if (stuck) return stuck;
  const at = await slopeAt(scope, scaled(gradient, rho / gradientNorm));
  const perturbedGradientNorm = Number.isFinite(at.loss) ? norm(at.gradient) : NaN;
  return scalarResult(rho * perturbedGradientNorm, {
    details: { loss, gradientNorm, perturbedGradientNorm },
  });
}
