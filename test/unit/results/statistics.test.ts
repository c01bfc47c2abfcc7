import { describe, expect, it } from 'vitest';
import {
  chosen,
  estimate,
  exceedsTwoErrors,
  pairedDifference,
  rankCorrelation,
} from '../../../bench/results/statistics';

/** Sums of a handful of float64 numbers. */
const ROUNDING = 12;

describe('mean and standard error', () => {
  it('are those of the textbook: deviation with n - 1, over the root of n', () => {
    const { mean, error, count } = estimate([2, 4, 4, 4, 5, 5, 7, 9]);
    expect(mean).toBe(5);
    // Squares sum to 32: √(32 / 7) / √8.
    expect(error).toBeCloseTo(0.7559289460184544, ROUNDING);
    expect(count).toBe(8);
  });

  it('refuses what has no mean', () => {
    expect(() => estimate([])).toThrow('no mean');
    expect(() => estimate([1, NaN])).toThrow('no mean');
  });

  it('of a difference are taken seed by seed, whatever the spread between seeds', () => {
    const lora = new Map([
      [1, 10],
      [2, 50],
      [3, 90],
    ]);
    const sam = new Map([
      [3, 92],
      [1, 11],
      [2, 53],
      [9, 1000],
    ]);
    const found = pairedDifference(sam, lora);
    expect(found.mean).toBe(2);
    expect(found.error).toBeCloseTo(1 / Math.sqrt(3), ROUNDING);
    expect(found.count).toBe(3);
  });

  it('tell a difference from chance at two standard errors, on either side', () => {
    expect(exceedsTwoErrors({ mean: 2.1, error: 1, count: 5 })).toBe(true);
    expect(exceedsTwoErrors({ mean: -2.1, error: 1, count: 5 })).toBe(true);
    expect(exceedsTwoErrors({ mean: 2, error: 1, count: 5 })).toBe(false);
    expect(exceedsTwoErrors({ mean: 2, error: NaN, count: 1 })).toBe(false);
  });
});

describe('the choice of a setting', () => {
  it('goes to the highest validation accuracy', () => {
    const trials = [
      { setting: 'low', accuracy: 0.7, loss: 0.1 },
      { setting: 'high', accuracy: 0.8, loss: 0.9 },
      { setting: 'middle', accuracy: 0.75, loss: 0.2 },
    ];
    expect(chosen(trials)).toBe('high');
  });

  it('goes to the lower validation loss where accuracies are equal, then to the first', () => {
    const trials = [
      { setting: 'a', accuracy: 0.8, loss: 0.5 },
      { setting: 'b', accuracy: 0.8, loss: 0.4 },
      { setting: 'c', accuracy: 0.8, loss: 0.4 },
    ];
    expect(chosen(trials)).toBe('b');
  });

  it('never goes to a trial that diverged', () => {
    expect(chosen([{ setting: 'diverged' }, { setting: 'whole', accuracy: 0, loss: 9 }])).toBe(
      'whole',
    );
    expect(() => chosen([{ setting: 'diverged' }])).toThrow('every trial diverged');
  });
});

describe('rank correlation', () => {
  it('is 1 or -1 of whatever rises or falls throughout', () => {
    const rising = [1, 2, 3, 4].map((x) => [x, Math.exp(x)] as const);
    expect(rankCorrelation(rising)).toBeCloseTo(1, ROUNDING);
    expect(rankCorrelation(rising.map(([x, y]) => [x, -y] as const))).toBeCloseTo(-1, ROUNDING);
  });

  it('gives equal values the mean of their ranks', () => {
    // scipy.stats.spearmanr([1, 2, 2, 3], [1, 3, 2, 4]).statistic
    const points = [
      [1, 1],
      [2, 3],
      [2, 2],
      [3, 4],
    ] as const;
    expect(rankCorrelation(points)).toBeCloseTo(0.9486832980505139, ROUNDING);
  });
});
