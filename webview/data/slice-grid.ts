import type { SlicePoint } from '../../src/shared/inspection/model';

/** The points of a plane on a grid, row by row: `loss[row][column]` at `x[column]`, `y[row]`. */
export interface SliceGrid {
  readonly x: readonly number[];
  readonly y: readonly number[];
  /** NaN where there is nothing to draw: a hole, or a place that nothing is known of. */
  readonly loss: readonly (readonly number[])[];
  readonly noise: readonly (readonly number[])[];
  /** Whether the loss was measured there, and is not from the coarser picture. */
  readonly measured: readonly (readonly boolean[])[];
  readonly points: number;
  /** Points whose loss is not finite. */
  readonly holes: number;
}

/**
 * The grid of all places that points have so far. A level begins when the coarser one is complete:
 * until it is complete itself, what it has not measured stands where the coarser picture stood, and
 * that has a hole wherever one of its corners has.
 */
export function gridOfPoints(points: readonly SlicePoint[]): SliceGrid {
  const x = axisOf(points.map((p) => p.x));
  const y = axisOf(points.map((p) => p.y ?? 0));
  const finest = Math.max(...points.map(({ level }) => level));
  const loss = coarsePicture(
    points.filter(({ level }) => level < finest),
    { x, y },
  );
  const [noise, measured] = [filled(x, y, NaN), filled(x, y, false)];
  const [columns, rows] = [indexOf(x), indexOf(y)];
  let holes = 0;
  for (const point of points) {
    const [row, column] = [rows.get(point.y ?? 0) ?? 0, columns.get(point.x) ?? 0];
    set(loss, row, column, finite(point.loss));
    set(noise, row, column, point.noise ?? NaN);
    set(measured, row, column, true);
    if (!Number.isFinite(point.loss)) holes++;
  }
  return { x, y, loss, noise, measured, points: points.length, holes };
}

/** A finished surface: `loss` and `noise` are [y, x], row-major. */
export function gridOfResult(result: {
  readonly x: readonly number[];
  readonly y: readonly number[];
  readonly loss: readonly number[];
  readonly noise?: readonly number[] | undefined;
}): SliceGrid {
  const { x, y, loss, noise } = result;
  const rows = (values: readonly number[] | undefined) =>
    y.map((_, row) => x.map((_x, column) => finite(values?.[row * x.length + column] ?? NaN)));
  const holes = loss.filter((value) => !Number.isFinite(value)).length;
  return {
    ...{ x, y, loss: rows(loss), noise: rows(noise), holes },
    measured: y.map(() => x.map(() => true)),
    points: loss.length,
  };
}

/** Bilinear between the points of a complete grid, at the places of a finer one; NaN without any. */
function coarsePicture(
  points: readonly SlicePoint[],
  { x, y }: Pick<SliceGrid, 'x' | 'y'>,
): number[][] {
  const lines = new Map<number, ReadonlyMap<number, number>>();
  for (const at of new Set(points.map((p) => p.y ?? 0))) {
    const row = points.filter((p) => (p.y ?? 0) === at);
    const known = new Map(row.map((p) => [p.x, finite(p.loss)]));
    lines.set(at, between(x, known));
  }
  const loss = filled(x, y, NaN);
  x.forEach((place, column) => {
    const known = new Map([...lines].map(([at, row]) => [at, row.get(place) ?? NaN]));
    const line = between(y, known);
    y.forEach((at, row) => set(loss, row, column, line.get(at) ?? NaN));
  });
  return loss;
}

/** The known values and, at the places between two of them, the straight line; NaN beside a NaN. */
function between(
  places: readonly number[],
  known: ReadonlyMap<number, number>,
): ReadonlyMap<number, number> {
  const line = new Map<number, number>();
  const ends = places.filter((place) => known.has(place));
  let next = 0;
  for (const place of places) {
    const [from, to] = [ends[next - 1], ends[next]];
    if (to === place) {
      line.set(place, known.get(place) ?? NaN);
      next++;
    } else if (from !== undefined && to !== undefined) {
      const t = (place - from) / (to - from);
      line.set(place, (1 - t) * (known.get(from) ?? NaN) + t * (known.get(to) ?? NaN));
    }
  }
  return line;
}

function filled<T>(x: readonly number[], y: readonly number[], value: T): T[][] {
  return y.map(() => x.map(() => value));
}

function axisOf(values: readonly number[]): number[] {
  return [...new Set(values)].sort((a, b) => a - b);
}

function indexOf(places: readonly number[]): ReadonlyMap<number, number> {
  return new Map(places.map((place, i) => [place, i]));
}

function set<T>(rows: T[][], row: number, column: number, value: T): void {
  const line = rows[row];
  if (line) line[column] = value;
}

function finite(value: number): number {
  return Number.isFinite(value) ? value : NaN;
}
