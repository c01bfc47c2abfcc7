import { norm } from '../algebra/small-matrix';
import { fromOneGradient, lossAt, slopeAt, type Slope } from './at-point';
import { scaled } from './dense-vector';
import type { LandscapeMeasure, Measured, MeasuredScope } from './measure';
import { scalarResult, withoutAscent } from './scalar-result';

/**
 * SAM sharpness L(w + ρ g/‖g‖) − L(w): one ascent step of length ρ in the coordinates (arXiv
 * 2010.01412). In the row space of one module, or of all, it is that of a run's probe.
 */
export const sam: LandscapeMeasure = {
  measure: async (context) => rise(context, context.rho, await slopeAt(context)),
  measureTogether: (context, scopes) =>
    fromOneGradient(context, scopes, (scope, start) => rise(scope, context.rho, start)),
  passes: (_task, scopes) => ({ forwards: scopes, gradients: 1 }),
};

async function rise(
  scope: MeasuredScope,
  rho: number,
  { loss, gradient }: Slope,
): Promise<Measured> {
  const gradientNorm = norm(gradient);
  const stuck = withoutAscent(loss, gradientNorm, 0);
  if (stuck) return stuck;
  const perturbed = await lossAt(scope, scaled(gradient, rho / gradientNorm));
  return scalarResult(perturbed - loss, { details: { loss, gradientNorm } });
}
