/**
 * Points drawn per line at most. More cannot be told apart on a screen, and plotly's SVG lines
 * slow down; tables, exports of data and statistics always have all of them.
 */
export const MAX_POINTS = 3000;

/**
 * Indices to draw, ascending: all of them up to `limit`, else both ends and the smallest and the
 * largest finite value of each of `limit / 2 − 1` equal stretches. So no spike vanishes.
 */
export function keepExtremes(values: ArrayLike<number>, limit = MAX_POINTS): number[] {
  const n = values.length;
  if (n <= limit) return Array.from({ length: n }, (_, i) => i);
  const stretches = Math.floor(limit / 2) - 1;
  const kept = [0];
  for (let k = 0; k < stretches; k++) {
    const from = 1 + Math.floor((k * (n - 2)) / stretches);
    const to = 1 + Math.floor(((k + 1) * (n - 2)) / stretches);
    kept.push(...extremes(values, from, to));
  }
  kept.push(n - 1);
  return kept;
}

/** At most two indices in [from, to); the first one if nothing there is finite, as a gap. */
function extremes(values: ArrayLike<number>, from: number, to: number): number[] {
  let low = -1;
  let high = -1;
  for (let i = from; i < to; i++) {
    const value = values[i] ?? NaN;
    if (!Number.isFinite(value)) continue;
    if (low < 0 || value < (values[low] ?? NaN)) low = i;
    if (high < 0 || value > (values[high] ?? NaN)) high = i;
  }
  if (low < 0) return from < to ? [from] : [];
  if (low === high) return [low];
  return low < high ? [low, high] : [high, low];
}
