import { describe, expect, it } from 'vitest';
import { epochOrder, makeBatch } from '../../../src/engine/data/batches';

describe('a batch', () => {
  it('is padded to its longest row, with mask 0 exactly where it pads', () => {
    const batch = makeBatch(
      [
        { ids: [5, 6], typeIds: [0, 1], label: 2, line: 7 },
        { ids: [8, 9, 10], typeIds: [0, 0, 1], label: 0, line: 9 },
      ],
      1,
    );
    expect(batch).toEqual({
      rows: 2,
      length: 3,
      inputIds: Int32Array.of(5, 6, 1, 8, 9, 10),
      typeIds: Int32Array.of(0, 1, 0, 0, 0, 1),
      mask: Int32Array.of(1, 1, 0, 1, 1, 1),
      labels: Int32Array.of(2, 0),
      lines: [7, 9],
    });
  });

  it('has one label per position for language modelling, ignored where it pads', () => {
    const batch = makeBatch(
      [
        { ids: [5], typeIds: [0], label: [5] },
        { ids: [8, 9], typeIds: [0, 0], label: [-100, 9] },
      ],
      0,
    );
    expect(batch.labels).toEqual(Int32Array.of(5, -100, -100, 9));
    expect(batch.lines).toBeUndefined();
  });

  it('ignores rows without a label', () => {
    expect(makeBatch([{ ids: [1], typeIds: [0] }], 0).labels).toEqual(Int32Array.of(-100));
  });
});

describe('the order of an epoch', () => {
  it('is a permutation, the same for the same seed and epoch', () => {
    const order = epochOrder(42, 3, 1000, true);
    expect(epochOrder(42, 3, 1000, true)).toEqual(order);
    expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: 1000 }, (_, i) => i));
  });

  it('differs between epochs and between seeds', () => {
    const orders = [
      [0, 0],
      [0, 1],
      [1, 0],
      [1, 1],
    ].map(([seed = 0, epoch = 0]) => epochOrder(seed, epoch, 100, true).join());
    expect(new Set(orders).size).toBe(4);
  });

  it('is that of the file without shuffling', () => {
    expect(epochOrder(1, 5, 4, false)).toEqual(Int32Array.of(0, 1, 2, 3));
  });

  it('puts every example in every place equally often', () => {
    const n = 5;
    const epochs = 4000;
    const counts = new Map<string, number>();
    for (let epoch = 0; epoch < epochs; epoch++)
      epochOrder(7, epoch, n, true).forEach((example, place) => {
        const key = `${example}@${place}`;
        counts.set(key, (counts.get(key) ?? 0) + 1);
      });
    // Binomial: mean 800, standard deviation 25; five of them, over 25 cells.
    for (const count of counts.values()) expect(Math.abs(count - epochs / n)).toBeLessThan(127);
    expect(counts.size).toBe(n * n);
  });
});
