/** What is reported of a set of samples. */
export interface Summary {
  readonly median: number;
  /** Quartiles: half of the samples lie between them. */
  readonly q1: number;
  readonly q3: number;
  readonly min: number;
  readonly max: number;
  readonly count: number;
}

/** @throws Error for no samples, or one that is not finite: nothing is to be reported of those */
export function summarize(samples: readonly number[]): Summary {
  if (samples.length === 0 || !samples.every(Number.isFinite))
    throw new Error(`no statistics of [${samples.join(', ')}]`);
  return {
    median: quantile(samples, 0.5),
    q1: quantile(samples, 0.25),
    q3: quantile(samples, 0.75),
    min: Math.min(...samples),
    max: Math.max(...samples),
    count: samples.length,
  };
}

export function median(samples: readonly number[]): number {
  return quantile(samples, 0.5);
}

/** Linear interpolation between the closest ranks (type 7 of Hyndman and Fan). */
export function quantile(samples: readonly number[], q: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  const rank = (sorted.length - 1) * q;
  const [low, high] = [Math.floor(rank), Math.ceil(rank)].map((i) => sorted[i] ?? NaN) as [
    number,
    number,
  ];
  return low + (high - low) * (rank - Math.floor(rank));
}

/**
 * How many times `above` is `below`: one ratio of medians for each round, so that a machine that
 * slows down from one round to the next does not show.
 * @param above samples by round; as many rounds as `below`
 */
export function pairedRatio(
  above: readonly (readonly number[])[],
  below: readonly (readonly number[])[],
): Summary {
  if (above.length !== below.length) throw new Error('rounds differ');
  return summarize(above.map((samples, round) => median(samples) / median(below[round] ?? [])));
}

/** In each round the samples of whichever has the smaller median. */
export function bestOfRounds(
  contenders: readonly (readonly (readonly number[])[])[],
): readonly (readonly number[])[] {
  const [first, ...others] = contenders;
  return (first ?? []).map((samples, round) =>
    others
      .map((other) => other[round] ?? [])
      .reduce((best, next) => (median(next) < median(best) ? next : best), samples),
  );
}

/** Slope of the least-squares line through (x, y). */
export function slope(x: readonly number[], y: readonly number[]): number {
  const mean = (values: readonly number[]): number =>
    values.reduce((sum, value) => sum + value, 0) / values.length;
  const [mx, my] = [mean(x), mean(y)];
  const covariance = x.reduce((sum, value, i) => sum + (value - mx) * ((y[i] ?? NaN) - my), 0);
  return covariance / x.reduce((sum, value) => sum + (value - mx) ** 2, 0);
}
