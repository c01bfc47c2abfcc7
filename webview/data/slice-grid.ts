import type { SlicePoint } from '../../src/shared/inspection/model';

/** The points of a plane on a grid, row by row: `loss[row][column]` at `x[column]`, `y[row]`. */
export interface SliceGrid {
  readonly x: readonly number[];
  readonly y: readonly number[];
  /** NaN where there is nothing to draw: a hole, or a place beside one that was not measured. */
  readonly loss: readonly (readonly number[])[];
  readonly noise: readonly (readonly number[])[];
  /** Whether the loss was measured there, and is not the straight line between neighbours. */
  readonly measured: readonly (readonly boolean[])[];
  readonly points: number;
  /** Points whose loss is not finite. */
  readonly holes: number;
}

/**
 * The grid of all places that points have so far. Where a finer level has begun and is not complete,
 * the missing losses lie on the straight lines between the measured ones around them, which is where
 * the coarser picture was drawn; a hole is never bridged.
 */
export function gridOfPoints(points: readonly SlicePoint[]): SliceGrid {
  const x = axisOf(points.map((p) => p.x));
  const y = axisOf(points.map((p) => p.y ?? 0));
  const [columns, rows] = [indexOf(x), indexOf(y)];
  const empty = <T>(value: T) => y.map(() => x.map(() => value));
  const [loss, noise, measured] = [empty(NaN), empty(NaN), empty(false)];
  let holes = 0;
  for (const point of points) {
    const row = rows.get(point.y ?? 0) ?? 0;
    const column = columns.get(point.x) ?? 0;
    set(loss, row, column, finite(point.loss));
    set(noise, row, column, point.noise ?? NaN);
    set(measured, row, column, true);
    if (!Number.isFinite(point.loss)) holes++;
  }
  return {
    x,
    y,
    loss: bridge({ x, y, loss, measured }),
    noise,
    measured,
    points: points.length,
    holes,
  };
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

/** First along the rows, then along the columns, which after the rows have all they can have. */
function bridge({
  x,
  y,
  loss,
  measured,
}: Pick<SliceGrid, 'x' | 'y' | 'loss' | 'measured'>): number[][] {
  const alongRows = loss.map((line, row) => bridgeLine(x, line, measured[row] ?? []));
  const known = alongRows.map((line, row) =>
    line.map((value, column) => (measured[row]?.[column] ?? false) || !Number.isNaN(value)),
  );
  const columns = x.map((_, column) =>
    bridgeLine(
      y,
      alongRows.map((line) => line[column] ?? NaN),
      known.map((line) => line[column] ?? false),
    ),
  );
  return y.map((_, row) => columns.map((line) => line[row] ?? NaN));
}

/** NaN stays where a known neighbour is a hole, and outside the known ones. */
function bridgeLine(
  places: readonly number[],
  values: readonly number[],
  known: readonly boolean[],
): number[] {
  const line = [...values];
  let before = -1;
  known.forEach((is, here) => {
    if (!is) return;
    if (before >= 0)
      for (let i = before + 1; i < here; i++) {
        const [from, to] = [places[before] ?? 0, places[here] ?? 0];
        const t = ((places[i] ?? 0) - from) / (to - from);
        line[i] = (1 - t) * (values[before] ?? NaN) + t * (values[here] ?? NaN);
      }
    before = here;
  });
  return line;
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
