import { describe, expect, it } from 'vitest';
import {
  axis,
  gridLevels,
  levelPoints,
  type GridPoint,
} from '../../../../src/engine/landscape/slices/grid';

const SIZES: readonly (readonly [columns: number, rows: number])[] = [
  [3, 3],
  [4, 4],
  [5, 1],
  [25, 1],
  [25, 25],
  [26, 26],
  [51, 51],
  [7, 33],
];

type Loss = (point: GridPoint) => number;

/** All points by level, as a slice takes them. */
function order(columns: number, rows: number, refine: boolean, loss: Loss): GridPoint[][] {
  const levels = gridLevels(columns, rows, refine);
  return levels.map((level, i) => [...levelPoints(level, levels[i - 1], loss)]);
}

const flat: Loss = () => 1;

describe('the places along an axis', () => {
  it('are evenly spaced between the ends, with 0 itself in the middle of an odd number', () => {
    expect(axis(5, 2)).toEqual([-2, -1, 0, 1, 2]);
    for (const points of [3, 25, 51, 101]) {
      const places = axis(points, 0.7);
      expect(places[(points - 1) / 2]).toBe(0);
      expect([places[0], places.at(-1)]).toEqual([-0.7, 0.7]);
      expect(places.map((x) => -x).reverse()).toEqual(places.map((x) => (x === 0 ? -0 : x)));
    }
  });
});

describe.each(SIZES)('a grid of %i by %i', (columns, rows) => {
  it.each([true, false])('has every point once (refined: %s)', (refine) => {
    const all = order(columns, rows, refine, ({ column, row }) => Math.sin(column * row)).flat();
    const names = all.map(({ column, row }) => `${column},${row}`);
    expect(new Set(names).size).toBe(columns * rows);
    expect(names).toHaveLength(columns * rows);
  });

  it('starts with at most 25 points, the corners among them, and the middle if there is one', () => {
    const first = order(columns, rows, true, flat)[0] ?? [];
    expect(first.length).toBeLessThanOrEqual(25);
    const has = (column: number, row: number) =>
      first.some((point) => point.column === column && point.row === row);
    for (const column of [0, columns - 1])
      for (const row of [0, rows - 1]) expect(has(column, row)).toBe(true);
    if (columns % 2 === 1 && rows % 2 === 1)
      expect(has((columns - 1) / 2, (rows - 1) / 2)).toBe(true);
  });

  it('halves the widest gap with every level', () => {
    const gaps = gridLevels(columns, rows, true).map((level) => {
      const widths = level.columns.slice(1).map((line, i) => line - (level.columns[i] as number));
      return Math.max(...widths);
    });
    for (const [i, gap] of gaps.slice(1).entries())
      expect(gap).toBeLessThanOrEqual(Math.ceil((gaps[i] as number) / 2));
    expect(gaps.at(-1)).toBe(1);
  });
});

describe('a level after the first', () => {
  /** A step along a line: the cells on it are uneven, the others flat. */
  const step: Loss = ({ column }) => (column > 12 ? 1 : 0);

  it('begins where the coarser grid is uneven', () => {
    const second = order(25, 25, true, step)[1] ?? [];
    const uneven = second.map(({ column }) => column >= 9 && column <= 21);
    const lastUneven = uneven.lastIndexOf(true);
    const firstFlat = uneven.indexOf(false);
    expect(firstFlat).toBeGreaterThan(lastUneven);
    expect(lastUneven).toBeGreaterThan(0);
  });

  it('goes first to the rim of a hole', () => {
    const hole: Loss = ({ column, row }) => (column === 0 && row === 0 ? NaN : column * row);
    const second = order(25, 25, true, hole)[1] ?? [];
    expect(second[0]).toMatchObject({ column: expect.closeTo(3, -1), row: 0 });
    const rim = second.slice(0, 5).every(({ column, row }) => column <= 9 && row <= 9);
    expect(rim).toBe(true);
  });

  it('is in the order of rows where nothing is uneven', () => {
    const second = order(9, 9, true, flat)[1] ?? [];
    const positions = second.map(({ column, row }) => row * 9 + column);
    expect(positions).toEqual([...positions].sort((a, b) => a - b));
  });
});
