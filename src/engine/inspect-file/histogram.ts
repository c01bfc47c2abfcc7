import type { Histogram } from '../../shared/checkpoint/measures';
import type { Chunk } from './values';

/** Where the values come from: called twice, for two passes over the same bytes. */
export type Passes = () => AsyncIterable<Chunk>;

/**
 * Statistics over every value of a tensor, none left out and none estimated: the first pass finds
 * range and mean, the second counts the bars and the squares around the mean. Bars are numpy's: of
 * equal width over [min, max], each closed on its left and the last on both sides; a range of one
 * value is widened by ½ on either side.
 */
export async function histogramOf(
  passes: Passes,
  bins: number,
): Promise<Omit<Histogram, 'tensor'>> {
  const first = await firstPass(passes);
  const { finite, min, max, sum, ...counts } = first;
  if (finite === 0) {
    const none = { min: NaN, max: NaN, mean: NaN, std: NaN };
    return { ...counts, ...none, edges: [], counts: [] };
  }
  const mean = sum / finite;
  const edges = edgesOf(min, max, bins);
  const bars = new Array<number>(bins).fill(0);
  const squares = new Sum();
  for await (const { values } of passes()) {
    for (let i = 0; i < values.length; i++) {
      const value = values[i] as number;
      if (!Number.isFinite(value)) continue;
      squares.add((value - mean) ** 2);
      const bar = barOf(value, edges);
      bars[bar] = (bars[bar] as number) + 1;
    }
  }
  return { ...counts, min, max, mean, std: Math.sqrt(squares.value / finite), edges, counts: bars };
}

async function firstPass(passes: Passes) {
  const counts = { values: 0, nan: 0, infinite: 0, negativeInfinite: 0, zeros: 0, rounded: 0 };
  const sum = new Sum();
  let [min, max] = [Infinity, -Infinity];
  for await (const { values, rounded } of passes()) {
    counts.values += values.length;
    counts.rounded += rounded;
    for (let i = 0; i < values.length; i++) {
      const value = values[i] as number;
      if (Number.isFinite(value)) {
        if (value < min) min = value;
        if (value > max) max = value;
        if (value === 0) counts.zeros++;
        sum.add(value);
      } else if (Number.isNaN(value)) counts.nan++;
      else if (value > 0) counts.infinite++;
      else counts.negativeInfinite++;
    }
  }
  const { values, nan, infinite, negativeInfinite } = counts;
  const finite = values - nan - infinite - negativeInfinite;
  return { ...counts, finite, min, max, sum: sum.value };
}

/** Kahan's compensated sum as Neumaier wrote it: a billion values lose no digit that matters. */
class Sum {
  #sum = 0;
  #lost = 0;

  add(value: number): void {
    const next = this.#sum + value;
    this.#lost +=
      Math.abs(this.#sum) >= Math.abs(value) ? this.#sum - next + value : value - next + this.#sum;
    this.#sum = next;
  }

  get value(): number {
    return this.#sum + this.#lost;
  }
}

/** `bins + 1` edges. */
function edgesOf(min: number, max: number, bins: number): number[] {
  const [low, high] = min === max ? [min - 0.5, max + 0.5] : [min, max];
  const step = widthOf(low, high, bins);
  const edges = Array.from({ length: bins + 1 }, (_, i) => low + i * step);
  edges[bins] = high;
  return edges;
}

/** As numpy computes it; of a range wider than float64 in another order. */
function widthOf(low: number, high: number, bins: number): number {
  const range = high - low;
  return Number.isFinite(range) ? range / bins : high / bins - low / bins;
}

/** A guess from the width, put right where rounding has crossed an edge. */
function barOf(value: number, edges: readonly number[]): number {
  const bins = edges.length - 1;
  const [low, high] = [edges[0] as number, edges[bins] as number];
  const width = widthOf(low, high, bins);
  let bar = Math.min(bins - 1, Math.max(0, Math.floor(value / width - low / width)));
  while (bar > 0 && value < (edges[bar] as number)) bar--;
  while (bar < bins - 1 && value >= (edges[bar + 1] as number)) bar++;
  return bar;
}
