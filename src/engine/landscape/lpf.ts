import { averageRise } from './average-rise';
import { scaled } from './dense-vector';
import type { LandscapeMeasure, MeasureContext, Measured } from './measure';
import { gaussian } from './random-vectors';
import { scalarResult } from './scalar-result';

/**
 * LPF (arXiv 2201.08025): the loss passed through a low-pass filter, E L(w + τ), τ ~ N(0, ρ²I), by Monte
 * Carlo. A loss, not a rise: compare it with `loss` beside it.
 */
export const lpf: LandscapeMeasure = {
  measure: smoothed,
  passes: ({ draws }, scopes) => ({ forwards: (draws + 1) * scopes, gradients: 0 }),
};

async function smoothed(context: MeasureContext): Promise<Measured> {
  const { task, rho, coordinates } = context;
  const found = await averageRise(context, (index) =>
    scaled(gaussian(coordinates.blocks, { seed: task.seed, index }), rho),
  );
  const { loss, mean, standardError, draws, notes } = found;
  return scalarResult(loss + mean, {
    standardError,
    details: { loss, draws, rise: mean },
    notes,
  });
}
