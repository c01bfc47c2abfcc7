import type { MeasureContext } from './measure';
import { lossAt } from './at-point';
import { meanAndError } from './sample-statistics';

/** δ of the draw of an index, in the coordinates [dimension]. */
export type Noise = (index: number) => Float64Array;

export interface AverageRise {
  /** L(w) */
  readonly loss: number;
  /** Of L(w + δ) − L(w) over the draws; NaN where a loss is not finite. */
  readonly mean: number;
  /** Standard deviation over √draws; NaN for one draw. */
  readonly standardError: number;
  readonly largest: number;
  readonly draws: number;
  readonly notes: readonly string[];
}

/**
 * Mean rise of the loss over `task.draws` draws of `noise`: one forward pass each, and one at w. Goes
 * on behind the draws that `context.samples` has, and reports each.
 */
export async function averageRise(context: MeasureContext, noise: Noise): Promise<AverageRise> {
  const { task, id, samples, onSample } = context;
  const loss = await lossAt(context, new Float64Array(context.coordinates.dimension));
  const rises = samples.slice(0, task.draws).map((values) => values[id] ?? NaN);
  for (let index = rises.length; index < task.draws; index++) {
    const rise = (await lossAt(context, noise(index))) - loss;
    onSample({ index, values: { [id]: rise } });
    rises.push(rise);
  }
  const draws = rises.length;
  const { mean, standardError } = meanAndError(rises);
  const lost = rises.filter((rise) => !Number.isFinite(rise)).length;
  return {
    ...{ loss, draws },
    mean: lost > 0 ? NaN : mean,
    standardError: lost > 0 ? NaN : standardError,
    largest: Math.max(...rises),
    notes: lost > 0 ? [`${lost} of ${draws} draws gave a loss that is not finite.`] : [],
  };
}
