import { describe, expect, it } from 'vitest';
import { gradientShares } from '../../../src/engine/landscape/gradient-shares';

describe('the shares of a gradient', () => {
  it('are those of max(1, ⌊p n / 100⌋) coordinates, whatever their order, sign and tensor', () => {
    const values = Array.from({ length: 2900 }, (_, i) => (i % 2 ? -1 : 1) * (i + 1));
    const sum = (from: number, power: number) =>
      values.slice(from).reduce((total, v) => total + Math.abs(v) ** power, 0);
    const parts = [values.slice(1000).reverse(), values.slice(0, 1000)];
    const { gradient, sharpness } = gradientShares(parts.map((p) => Float32Array.from(p)));
    [29, 145, 290].forEach((k, i) => {
      expect(gradient[i]).toBeCloseTo(sum(2900 - k, 1) / sum(0, 1), 12);
      expect(sharpness[i]).toBeCloseTo(sum(2900 - k, 2) / sum(0, 2), 12);
    });
  });

  it('take at least one coordinate, and all of it when there is but one that counts', () => {
    expect(gradientShares([Float32Array.of(3)]).gradient).toEqual([1, 1, 1]);
    expect(gradientShares([Float32Array.of(0, -2, 0)]).sharpness).toEqual([1, 1, 1]);
  });

  it('of no gradient are none', () => {
    expect(gradientShares([new Float32Array(20)]).gradient).toEqual([NaN, NaN, NaN]);
  });

  it('are p of an even gradient', () => {
    const { gradient, sharpness } = gradientShares([new Float32Array(1000).fill(0.25)]);
    [0.01, 0.05, 0.1].forEach((p, i) => {
      expect(gradient[i]).toBeCloseTo(p, 12);
      expect(sharpness[i]).toBeCloseTo(p, 12);
    });
  });
});
