import { describe, expect, it } from 'vitest';
import { epochOrder, groupByLength, makeBatch } from '../../../src/engine/data/batches';

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

describe('grouping by length', () => {
  const n = 1000;
  const lengths = Array.from({ length: n }, (_, i) => 5 + ((i * 7919) % 120));
  const order = epochOrder(42, 0, n, true);
  const grouped = groupByLength(order, lengths, 4);
  const padding = (indices: Int32Array) => {
    let wasted = 0;
    for (let start = 0; start < n; start += 4) {
      const batch = Array.from(indices.subarray(start, start + 4), (i) => lengths[i] as number);
      wasted += batch.length * Math.max(...batch) - batch.reduce((sum, l) => sum + l, 0);
    }
    return wasted;
  };

  it('takes every example once, and pads far less', () => {
    expect(grouped.slice().sort()).toEqual(order.slice().sort());
    expect(padding(grouped)).toBeLessThan(padding(order) / 10);
  });
  it('sorts 50 steps at a time, from long to short, but for the longest of all', () => {
    const mega = 50 * 4;
    for (let start = 0; start < n; start += mega) {
      const before = new Set(order.subarray(start, start + mega));
      const run = Array.from(grouped.subarray(start, start + mega));
      expect(run.filter((i) => !before.has(i)).length).toBeLessThanOrEqual(1);
      const tail = run.slice(1).map((i) => lengths[i] as number);
      expect(tail).toEqual(tail.slice().sort((a, b) => b - a));
    }
    expect(lengths[grouped[0] as number]).toBe(Math.max(...lengths));
  });
  it('depends on seed and epoch alone, and leaves the order given as it was', () => {
    expect(groupByLength(epochOrder(42, 0, n, true), lengths, 4)).toEqual(grouped);
    expect(groupByLength(epochOrder(42, 1, n, true), lengths, 4)).not.toEqual(grouped);
    expect(order).toEqual(epochOrder(42, 0, n, true));
  });
  it('sorts a quarter of short data at a time, and takes no data at all', () => {
    const few = groupByLength(
      Int32Array.from({ length: 16 }, (_, i) => i),
      lengths,
      2,
    );
    expect(new Set(few.subarray(1, 4)).size).toBe(3);
    expect(few.slice().sort()).toEqual(Int32Array.from({ length: 16 }, (_, i) => i));
    expect(groupByLength(new Int32Array(), [], 4)).toEqual(new Int32Array());
  });
});
