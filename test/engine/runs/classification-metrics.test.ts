import { describe, expect, it } from 'vitest';
import { classificationMetrics } from '../../../src/engine/runs/classification-metrics';
import { runSteps, stepSeed } from '../../../src/engine/runs/step-plan';
import { textTable } from '../../../src/engine/runs/commands/table';

/** Rounding of a handful of float64 operations. */
const EXACT = 12;

describe('classification metrics', () => {
  it('binary: the textbook formulas of the confusion matrix', () => {
    // tp 3, fn 1, fp 2, tn 4
    const labels = [1, 1, 1, 1, 0, 0, 0, 0, 0, 0];
    const predictions = [1, 1, 1, 0, 1, 1, 0, 0, 0, 0];
    const { accuracy, macroF1, matthews } = classificationMetrics(labels, predictions);
    expect(accuracy).toBeCloseTo(0.7, EXACT);
    expect(macroF1).toBeCloseTo((6 / 9 + 8 / 11) / 2, EXACT);
    expect(matthews).toBeCloseTo((3 * 4 - 2 * 1) / Math.sqrt(5 * 4 * 6 * 5), EXACT);
  });

  it('many classes: Matthews is the correlation of the one-hot codings', () => {
    const labels = [0, 1, 2, 2, 1, 0, 2, 1, 0, 2];
    const predictions = [0, 2, 2, 2, 1, 0, 1, 1, 2, 2];
    const oneHot = (all: number[]) => all.map((k) => [0, 1, 2].map((i) => (i === k ? 1 : 0)));
    const covariance = (x: number[][], y: number[][]) => {
      const mean = (m: number[][], k: number) =>
        m.reduce((s, row) => s + (row[k] ?? 0), 0) / m.length;
      return [0, 1, 2].reduce(
        (sum, k) =>
          sum +
          x.reduce(
            (s, row, i) => s + ((row[k] ?? 0) - mean(x, k)) * ((y[i]?.[k] ?? 0) - mean(y, k)),
            0,
          ),
        0,
      );
    };
    const [x, y] = [oneHot(predictions), oneHot(labels)];
    const expected = covariance(x, y) / Math.sqrt(covariance(x, x) * covariance(y, y));
    expect(classificationMetrics(labels, predictions).matthews).toBeCloseTo(expected, EXACT);
  });

  it('constant predictions have Matthews 0, no examples have nothing', () => {
    expect(classificationMetrics([0, 1, 1], [1, 1, 1]).matthews).toBe(0);
    expect(classificationMetrics([], []).accuracy).toBeNaN();
  });

  it('a class that is never predicted counts as 0 in macro F1', () => {
    expect(classificationMetrics([0, 1], [0, 0]).macroF1).toBeCloseTo(1 / 3, EXACT);
  });
});

describe('plan of the steps', () => {
  const train = { batch_size: 5, gradient_accumulation_steps: 2, epochs: 2.5 } as never;

  it('an epoch ends with a smaller step rather than mixing in the next', () => {
    expect(runSteps(train, 24)).toEqual({ stepsPerEpoch: 3, totalSteps: 8 });
    expect(runSteps({ ...(train as object), steps: 4 } as never, 24).totalSteps).toBe(4);
    expect(runSteps(train, 1)).toEqual({ stepsPerEpoch: 1, totalSteps: 3 });
  });

  it('dropout seeds are 32 bits and differ between seeds, steps and micro-batches', () => {
    const seeds = [0, 1, 42].flatMap((seed) =>
      Array.from({ length: 2000 }, (_, i) => stepSeed(seed, 1 + (i >> 2), i & 3)),
    );
    for (const seed of seeds) expect(seed).toBe(seed >>> 0);
    // Three collisions among 6,000 of 2^32 would be a one-in-a-million accident.
    expect(new Set(seeds).size).toBeGreaterThan(seeds.length - 3);
  });
});

describe('text table', () => {
  it('aligns columns whose heads have combining marks', () => {
    const table = textTable(
      ['1', '22'],
      [
        { head: 'g̃', cell: (v) => v, right: true },
        { head: 'x', cell: () => 'y' },
      ],
    );
    expect(table).toBe(' g̃  x\n 1  y\n22  y');
  });
});
