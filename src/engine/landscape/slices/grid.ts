/** Indices into an axis, ascending. */
type Lines = readonly number[];

/** One refinement of a grid: the lines that have points by then. */
export interface GridLevel {
  readonly columns: Lines;
  readonly rows: Lines;
}

export interface GridPoint {
  readonly column: number;
  readonly row: number;
}

/** Cells between consecutive lines of the coarsest grid, along each axis. */
const COARSE_CELLS = 4;

/** Places along an axis: from −extent to extent, 0 exactly in the middle of an odd number. */
export function axis(points: number, extent: number): number[] {
  return Array.from({ length: points }, (_, i) => extent * ((2 * i - (points - 1)) / (points - 1)));
}

/**
 * The grids from coarse to fine. The first has 5 lines along each axis, both ends and the middle
 * among them; each next one puts a line between all that have room for it; the last has all.
 * @param rows 1 for a line
 */
export function gridLevels(columns: number, rows: number, refine: boolean): readonly GridLevel[] {
  const byColumn = axisLevels(columns, refine);
  const byRow = axisLevels(rows, refine);
  const count = Math.max(byColumn.length, byRow.length);
  return Array.from({ length: count }, (_, i) => ({
    columns: byColumn[Math.min(i, byColumn.length - 1)] as Lines,
    rows: byRow[Math.min(i, byRow.length - 1)] as Lines,
  }));
}

function axisLevels(points: number, refine: boolean): readonly Lines[] {
  const all = Array.from({ length: points }, (_, i) => i);
  if (!refine) return [all];
  const coarse = Array.from({ length: COARSE_CELLS + 1 }, (_, i) =>
    Math.round((i * (points - 1)) / COARSE_CELLS),
  );
  const levels: Lines[] = [[...new Set(coarse)]];
  for (let last = levels[0] as Lines; last.length < points; levels.push(last))
    last = last.flatMap((line, i) => {
      const next = last[i + 1];
      return next === undefined || next === line + 1 ? [line] : [line, (line + next) >> 1];
    });
  return levels;
}

/** Part of the range of the losses: a cell that is flatter than this can wait. */
const FLAT = 0.02;

/**
 * The points that a level has beside those of the level before it, the most uneven places first:
 * where a node of the coarser grid lies furthest from the straight line between its neighbours.
 * Cells that are flat to `FLAT` of the range come last, row by row, and so does a level without any
 * before it. A function of the coarser grid's losses alone.
 * @param loss at a point of the coarser grid; NaN is a hole
 */
export function levelPoints(
  level: GridLevel,
  coarser: GridLevel | undefined,
  loss: (point: GridPoint) => number,
): readonly GridPoint[] {
  const points = level.rows.flatMap((row) => level.columns.map((column) => ({ column, row })));
  if (!coarser) return points;
  const [oldColumns, oldRows] = [new Set(coarser.columns), new Set(coarser.rows)];
  const fresh = points.filter(({ column, row }) => !oldColumns.has(column) || !oldRows.has(row));
  const unevenness = nodeErrors(coarser, loss);
  const urgency = fresh.map((point) => {
    const rows = around(coarser.rows, point.row);
    const columns = around(coarser.columns, point.column);
    const corners = rows.flatMap((r) => columns.map((c) => unevenness[r]?.[c] ?? 0));
    const worst = Math.max(...corners);
    return { point, worst: worst > FLAT ? worst : 0 };
  });
  // Array.sort is stable: equals stay in the order of rows.
  return urgency.sort((a, b) => compare(b.worst, a.worst)).map(({ point }) => point);
}

/** Infinity − Infinity is not a number. */
function compare(a: number, b: number): number {
  return a === b ? 0 : a - b;
}

/** Places in `lines` of the last one up to `at` and the first one from it on. */
function around(lines: Lines, at: number): readonly number[] {
  const above = lines.findIndex((line) => line >= at);
  return lines[above] === at ? [above] : [above - 1, above];
}

/** |loss − the straight line between its neighbours|, per node, over the range; beside a hole ∞. */
function nodeErrors({ columns, rows }: GridLevel, loss: (point: GridPoint) => number): number[][] {
  const values = rows.map((row) => columns.map((column) => loss({ column, row })));
  const finite = values.flat().filter(Number.isFinite);
  const low = finite.reduce((a, b) => Math.min(a, b), Infinity);
  const high = finite.reduce((a, b) => Math.max(a, b), -Infinity);
  if (!(high > low)) return values.map((row) => row.map(() => 0));
  return values.map((row, r) =>
    row.map((value, c) => {
      const across = bend(columns, c, (i) => row[i] as number);
      const along = bend(rows, r, (i) => values[i]?.[c] as number);
      const worst = Math.max(across, along);
      return Number.isFinite(value) && Number.isFinite(worst) ? worst / (high - low) : Infinity;
    }),
  );
}

/** How far the i-th value lies from the straight line between its neighbours; 0 at the ends. */
function bend(lines: Lines, i: number, value: (i: number) => number): number {
  if (i === 0 || i === lines.length - 1) return 0;
  const [left, here, right] = [i - 1, i, i + 1].map((k) => lines[k] as number) as [
    number,
    number,
    number,
  ];
  const t = (here - left) / (right - left);
  return Math.abs(value(i) - (1 - t) * value(i - 1) - t * value(i + 1));
}
