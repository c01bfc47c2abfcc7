import type { RunModel } from '../../src/shared/run-model';

/** Steps whose durations the estimate is made of: it should follow a machine that slows down. */
const RECENT = 50;

/**
 * Milliseconds that the remaining steps will take at the median duration of the recent ones.
 * Probes, evaluations and checkpoints are not in it. `undefined` before three steps.
 */
export function remainingMs(model: RunModel): number | undefined {
  const recent = model.steps.elapsedMs.slice(-RECENT).sort((a, b) => a - b);
  const median = recent[Math.floor(recent.length / 2)];
  if (recent.length < 3 || median === undefined) return undefined;
  return median * Math.max(0, model.totalSteps - model.steps.step.length);
}

/** Mean of the last `window` values at each index; NaN until there are as many. */
export function trailingMean(values: readonly number[], window: number): number[] {
  let sum = 0;
  let finite = 0;
  return values.map((value, i) => {
    if (Number.isFinite(value)) {
      sum += value;
      finite++;
    }
    const gone = values[i - window];
    if (i >= window && gone !== undefined && Number.isFinite(gone)) {
      sum -= gone;
      finite--;
    }
    return i + 1 >= window && finite > 0 ? sum / finite : NaN;
  });
}
