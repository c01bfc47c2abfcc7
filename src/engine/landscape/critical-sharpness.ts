import { norm } from '../algebra/small-matrix';
import { fromOneGradient, lossAt, slopeAt, type Slope } from './at-point';
import { scaled } from './dense-vector';
import type { LandscapeMeasure, Measured, MeasuredScope } from './measure';
import { scalarResult, withoutAscent } from './scalar-result';

/**
 * Critical sharpness 2/η_c (arXiv 2601.16979), along the gradient: a step −ηg lowers the loss up to η_c,
 * where L(w − ηg) = L(w). For a quadratic loss it is gᵀHg/‖g‖².
 */
export const criticalSharpness: LandscapeMeasure = {
  measure: async (context) => critical(context, context.task.steps, await slopeAt(context)),
  measureTogether: (context, scopes) =>
    fromOneGradient(context, scopes, (scope, start) => critical(scope, context.task.steps, start)),
  passes: (_task, scopes) => ({ forwards: USUAL_FORWARDS * scopes, gradients: 1 }),
};

const USUAL_FORWARDS = 10;

async function critical(
  scope: MeasuredScope,
  mostForwards: number,
  { loss, gradient }: Slope,
): Promise<Measured> {
  const gradientNorm = norm(gradient);
  const stuck = withoutAscent(loss, gradientNorm, NaN);
  if (stuck) return stuck;
  const squared = gradientNorm ** 2;
  const found = await criticalStep({
    atZero: -squared,
    // Where the tangent reaches a loss of 0: about what the step can be, whatever the scale.
    first: loss > 0 ? loss / squared : 1 / gradientNorm,
    most: mostForwards,
    slope: async (eta) => ((await lossAt(scope, scaled(gradient, -eta))) - loss) / eta,
  });
  return scalarResult(2 / found.eta, {
    details: { loss, gradientNorm, eta_c: found.eta, forwards: found.evaluations },
    notes: found.notes,
  });
}

export interface CriticalStepRequest {
  /** (L(w − ηg) − L(w)) / η: it rises from −‖g‖² and is 0 at η_c, on a line where L is quadratic. */
  readonly slope: (eta: number) => Promise<number>;
  /** Its limit −‖g‖² at η = 0. */
  readonly atZero: number;
  readonly first: number;
  readonly most: number;
}

export interface CriticalStep {
  /** NaN where none was found. */
  readonly eta: number;
  readonly evaluations: number;
  readonly notes: readonly string[];
}

interface Point {
  readonly eta: number;
  readonly slope: number;
}

/** Relative change of the estimate, or length of its bracket, at which to stop. */
const CLOSE_ENOUGH = 1e-3;
/** Without an upper end the step grows at most by this: a larger one could jump over η_c. */
const GROWTH = 3;

/**
 * The η > 0 at which the slope turns positive: from a first guess outwards until it is bracketed, then
 * by secants, and by bisection where a secant leaves the bracket.
 */
export async function criticalStep(request: CriticalStepRequest): Promise<CriticalStep> {
  const { slope, most } = request;
  let low: Point = { eta: 0, slope: request.atZero };
  let high: Point | undefined;
  let before = low;
  let eta = request.first;
  for (let evaluations = 1; evaluations <= most; evaluations++) {
    const value = await slope(eta);
    // A step to a loss that is not finite is too long, and tells nothing else.
    const here = { eta, slope: Number.isFinite(value) ? value : Infinity };
    if (here.slope > 0) high = here;
    else low = here;
    const estimate = secantRoot(before, here);
    const bracket = high ? high.eta - low.eta : Infinity;
    if (Math.abs(estimate - eta) <= CLOSE_ENOUGH * eta)
      return { eta: estimate, evaluations, notes: [] };
    if (bracket <= CLOSE_ENOUGH * eta)
      return { eta: low.eta + bracket / 2, evaluations, notes: [] };
    before = here.slope === Infinity ? low : here;
    eta = nextStep(estimate, low, high);
  }
  return unfinished(low, high, most);
}

/** Where the line through two points is 0; NaN without one. */
function secantRoot(p: Point, q: Point): number {
  return q.eta - (q.slope * (q.eta - p.eta)) / (q.slope - p.slope);
}

function nextStep(estimate: number, low: Point, high: Point | undefined): number {
  if (high === undefined)
    return estimate > low.eta ? Math.min(estimate, GROWTH * low.eta) : GROWTH * low.eta;
  const inside = estimate > low.eta && estimate < high.eta;
  return inside ? estimate : (low.eta + high.eta) / 2;
}

function unfinished(low: Point, high: Point | undefined, evaluations: number): CriticalStep {
  if (!high)
    return {
      ...{ eta: NaN, evaluations },
      notes: [
        `The loss still falls at η = ${low.eta.toPrecision(3)}, after ${evaluations} passes: 2/η_c is below ${(2 / low.eta).toPrecision(3)}.`,
      ],
    };
  if (low.eta === 0)
    return {
      ...{ eta: NaN, evaluations },
      notes: [
        `No step down to η = ${high.eta.toPrecision(3)} lowers the loss: its fall is lost in rounding.`,
      ],
    };
  return {
    ...{ eta: (low.eta + high.eta) / 2, evaluations },
    notes: [
      `η_c lies between ${low.eta.toPrecision(3)} and ${high.eta.toPrecision(3)}; more steps would narrow it.`,
    ],
  };
}
