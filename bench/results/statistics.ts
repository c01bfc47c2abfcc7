/** Mean of some numbers and its standard error. */
export interface Estimate {
  readonly mean: number;
  /** Standard deviation (n - 1) over the root of n; NaN of a single number. */
  readonly error: number;
  readonly count: number;
}

/** @throws Error for no numbers, or one that is not finite: nothing is to be reported of those */
export function estimate(values: readonly number[]): Estimate {
  if (values.length === 0 || !values.every(Number.isFinite))
    throw new Error(`no mean of [${values.join(', ')}]`);
  const n = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1);
  return { mean, error: Math.sqrt(variance / n), count: n };
}

/** What differs, seed by seed: both sides share the data and the order of it. */
export function pairedDifference(
  values: ReadonlyMap<number, number>,
  base: ReadonlyMap<number, number>,
): Estimate {
  const differences = [...values].flatMap(([seed, value]) => {
    const other = base.get(seed);
    return other === undefined ? [] : [value - other];
  });
  return estimate(differences);
}

/** Whether a mean is further from 0 than two of its standard errors. */
export function exceedsTwoErrors({ mean, error }: Estimate): boolean {
  return Math.abs(mean) > 2 * error;
}

/** What a trial came to on the validation part; nothing of one that diverged. */
export interface Trial<T> {
  readonly setting: T;
  readonly accuracy?: number;
  readonly loss?: number;
}

/**
 * The setting with the highest validation accuracy; of several, that with the lowest validation
 * loss, then the first.
 * @throws Error when all have diverged
 */
export function chosen<T>(trials: readonly Trial<T>[]): T {
  const [first, ...others] = trials.filter(({ accuracy }) => accuracy !== undefined);
  if (!first) throw new Error('every trial diverged');
  return others.reduce((best, next) => (isBetter(next, best) ? next : best), first).setting;
}

function isBetter<T>(next: Trial<T>, best: Trial<T>): boolean {
  const [a, b] = [next.accuracy ?? -Infinity, best.accuracy ?? -Infinity];
  return a > b || (a === b && (next.loss ?? Infinity) < (best.loss ?? Infinity));
}

/** Spearman's: of the ranks, equal values sharing the mean of theirs. NaN where a side is constant. */
export function rankCorrelation(points: readonly (readonly [number, number])[]): number {
  const [x, y] = [ranks(points.map(([a]) => a)), ranks(points.map(([, b]) => b))];
  const middle = (points.length - 1) / 2;
  const product = (a: readonly number[], b: readonly number[]): number =>
    a.reduce((sum, value, i) => sum + (value - middle) * ((b[i] ?? NaN) - middle), 0);
  return product(x, y) / Math.sqrt(product(x, x) * product(y, y));
}

function ranks(values: readonly number[]): number[] {
  return values.map((value) => {
    const below = values.filter((other) => other < value).length;
    const equal = values.filter((other) => other === value).length;
    return below + (equal - 1) / 2;
  });
}
