/** Columns drawn at most: about the pixels that a heat map beside an editor has. */
export const MAX_COLUMNS = 600;

export interface HeatMap {
  /** [modules][columns]; `null` is a gap: not applicable, or not finite. */
  readonly z: (number | null)[][];
  /** Middle step of each column. */
  readonly steps: number[];
  /** Measured rows in one column. */
  readonly rowsPerColumn: number;
  readonly min: number;
  readonly max: number;
  readonly gaps: number;
}

/**
 * Folds measured rows into at most `maxColumns` columns, each holding per module the value of
 * largest magnitude, with its sign.
 * @param values flat, row-major [steps.length, modules]
 */
export function heatMap(
  { steps, values }: { steps: readonly number[]; values: ArrayLike<number> },
  modules: number,
  maxColumns = MAX_COLUMNS,
): HeatMap {
  const rows = steps.length;
  const rowsPerColumn = Math.max(1, Math.ceil(rows / maxColumns));
  const columns = Math.ceil(rows / rowsPerColumn);
  let [min, max, gaps] = [Infinity, -Infinity, 0];
  const z = Array.from({ length: modules }, () => new Array<number | null>(columns).fill(null));
  for (let module = 0; module < modules; module++) {
    const line = z[module] ?? [];
    for (let column = 0; column < columns; column++) {
      const to = Math.min(rows, (column + 1) * rowsPerColumn);
      let extreme = NaN;
      for (let row = column * rowsPerColumn; row < to; row++) {
        const value = values[row * modules + module] ?? NaN;
        if (!Number.isFinite(value)) gaps++;
        else if (!(Math.abs(value) <= Math.abs(extreme))) extreme = value;
      }
      if (Number.isNaN(extreme)) continue;
      line[column] = extreme;
      if (extreme < min) min = extreme;
      if (extreme > max) max = extreme;
    }
  }
  const middles = Array.from({ length: columns }, (_, column) => {
    const first = column * rowsPerColumn;
    const last = Math.min(rows, first + rowsPerColumn) - 1;
    return ((steps[first] ?? 0) + (steps[last] ?? 0)) / 2;
  });
  return { z, steps: middles, rowsPerColumn, min, max, gaps };
}
