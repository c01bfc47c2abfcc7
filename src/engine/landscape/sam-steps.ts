import type { InspectionTask } from '../../shared/inspection/request';
import { norm } from '../algebra/small-matrix';
import { lossAt, slopeAt } from './at-point';
import { plus, scaled } from './dense-vector';
import type { LandscapeMeasure, MeasureContext, Measured } from './measure';
import { scalarResult, withoutAscent } from './scalar-result';

/**
 * n-step sharpness: the largest rise at w and at the n points of the projected ascent
 * δ ← P_ρ(δ + step · g/‖g‖), a lower bound of the maximum in the ball of radius ρ.
 */
export const samSteps: LandscapeMeasure = {
  measure: ascend,
  passes: ({ steps }, scopes) => ({ forwards: scopes, gradients: steps * scopes }),
};

/** Enough to cross the ball within `steps`, and never less than a quarter of its radius. */
export function ascentStep({ steps, step_size }: InspectionTask, rho: number): number {
  return step_size ?? Math.max((2 * rho) / steps, rho / 4);
}

async function ascend(context: MeasureContext): Promise<Measured> {
  const { task, rho, coordinates } = context;
  const length = ascentStep(task, rho);
  const start = await slopeAt(context);
  const gradientNorm = norm(start.gradient);
  const stuck = withoutAscent(start.loss, gradientNorm, 0);
  if (stuck) return stuck;
  let delta = new Float64Array(coordinates.dimension);
  let { gradient } = start;
  let largest = start.loss;
  let at = 0;
  for (let step = 1; step <= task.steps; step++) {
    const g = norm(gradient);
    if (g === 0) break;
    delta = inBall(plus(delta, length / g, gradient), rho);
    // The last point needs no gradient.
    const last = step === task.steps;
    const here = last
      ? { loss: await lossAt(context, delta), gradient }
      : await slopeAt(context, delta);
    if (!Number.isFinite(here.loss)) largest = NaN;
    if (Number.isNaN(largest)) break;
    if (here.loss > largest) [largest, at] = [here.loss, step];
    ({ gradient } = here);
  }
  return scalarResult(largest - start.loss, {
    details: { loss: start.loss, gradientNorm, stepSize: length, atStep: at, norm: norm(delta) },
  });
}

function inBall(delta: Float64Array, rho: number): Float64Array<ArrayBuffer> {
  const length = norm(delta);
  return Float64Array.from(length > rho ? scaled(delta, rho / length) : delta);
}
