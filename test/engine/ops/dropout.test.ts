import { describe, expect, it } from 'vitest';
import { dropoutMask, dropoutOf } from '../../../src/engine/ops/dropout';

const SIZE = 200_000;

describe('dropoutMask', () => {
  it('is a pure function of the seed and the call', () => {
    expect(dropoutMask(1000, dropoutOf(0.3, 7, 2))).toEqual(
      dropoutMask(1000, dropoutOf(0.3, 7, 2)),
    );
  });

  it.each([
    ['seeds', dropoutMask(SIZE, dropoutOf(0.5, 8, 2))],
    ['calls', dropoutMask(SIZE, dropoutOf(0.5, 7, 3))],
    ['seeds beyond 32 bits', dropoutMask(SIZE, dropoutOf(0.5, 7 + 2 ** 32, 2))],
  ])('is independent between %s', (_, other) => {
    const mask = dropoutMask(SIZE, dropoutOf(0.5, 7, 2));
    const equal = mask.reduce((sum, value, i) => sum + Number(value === other[i]), 0) / SIZE;
    // Five standard deviations of a fair coin.
    expect(Math.abs(equal - 0.5)).toBeLessThan((5 * 0.5) / Math.sqrt(SIZE));
  });

  it.each([0.05, 0.1, 0.5, 0.9])('drops a fraction of %s and keeps the mean at 1', (p) => {
    const mask = dropoutMask(SIZE, dropoutOf(p, 42, 0));
    expect(new Set(mask)).toEqual(new Set([0, Math.fround(1 / (1 - p))]));
    const dropped = mask.reduce((sum, value) => sum + Number(value === 0), 0) / SIZE;
    const deviation = Math.sqrt((p * (1 - p)) / SIZE);
    expect(Math.abs(dropped - p)).toBeLessThan(5 * deviation);
  });

  it('has no correlation between neighbours', () => {
    const mask = dropoutMask(SIZE, dropoutOf(0.5, 1, 0));
    for (const lag of [1, 2, 32, 64, 384]) {
      let equal = 0;
      for (let i = lag; i < SIZE; i++) equal += Number(mask[i] === mask[i - lag]);
      expect(Math.abs(equal / (SIZE - lag) - 0.5)).toBeLessThan((5 * 0.5) / Math.sqrt(SIZE - lag));
    }
  });
});
