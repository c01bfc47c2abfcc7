import { describe, expect, it } from 'vitest';
import {
  bestOfRounds,
  median,
  pairedRatio,
  quantile,
  slope,
  summarize,
} from '../../../bench/statistics';

describe('the statistics of the benchmark', () => {
  it('interpolates quantiles as R and NumPy do by default', () => {
    expect(quantile([4, 1, 3, 2], 0.25)).toBe(1.75);
    expect(quantile([4, 1, 3, 2], 0.5)).toBe(2.5);
    expect(median([7])).toBe(7);
    expect(summarize([3, 1, 2])).toEqual({ median: 2, q1: 1.5, q3: 2.5, min: 1, max: 3, count: 3 });
  });

  it('refuses to report of nothing, or of what is not finite', () => {
    expect(() => summarize([])).toThrow('no statistics');
    expect(() => summarize([1, NaN])).toThrow('no statistics');
  });

  it('takes ratios within a round, so that a slower round does not count', () => {
    const below = [
      [100, 100],
      [300, 300],
    ];
    const above = [
      [200, 200],
      [600, 600],
    ];
    const ratio = pairedRatio(above, below);
    expect([ratio.min, ratio.median, ratio.max]).toEqual([2, 2, 2]);
    expect(() => pairedRatio(above, [[1]])).toThrow('rounds differ');
  });

  it('takes the better contender of each round', () => {
    const [eager, sdpa] = [
      [[5, 6], [9]],
      [[7], [8, 8]],
    ];
    expect(bestOfRounds([eager, sdpa])).toEqual([
      [5, 6],
      [8, 8],
    ]);
  });

  it('finds the slope of a line through noise of mean zero', () => {
    expect(slope([0, 1, 2, 3], [1, 3, 5, 7])).toBeCloseTo(2, 12);
    expect(slope([0, 1, 2, 3], [1, -1, -1, 1])).toBeCloseTo(0, 12);
  });
});
