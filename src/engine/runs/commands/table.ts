export interface Column<T> {
  readonly head: string;
  readonly cell: (row: T) => string;
  /** Numbers stand right. */
  readonly right?: boolean;
}

/** A plain text table: aligned columns, two spaces between, no rules. */
export function textTable<T>(rows: readonly T[], columns: readonly Column<T>[]): string {
  const cells = [
    columns.map(({ head }) => head),
    ...rows.map((r) => columns.map((c) => c.cell(r))),
  ];
  const widths = columns.map((_c, i) => Math.max(...cells.map((line) => width(line[i] ?? ''))));
  return cells
    .map((line) =>
      line
        .map((cell, i) => {
          const padding = ' '.repeat((widths[i] ?? 0) - width(cell));
          return columns[i]?.right ? padding + cell : cell + padding;
        })
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** Four significant digits; `–` where a quantity does not apply. */
export function shortNumber(value: number | undefined): string {
  if (value === undefined || Number.isNaN(value)) return '–';
  if (!Number.isFinite(value)) return value > 0 ? '∞' : '−∞';
  if (value === 0) return '0';
  const size = Math.abs(value);
  return size >= 1e5 || size < 1e-3 ? value.toExponential(2) : String(Number(value.toPrecision(4)));
}

/** Code points without combining marks: right for the symbols of our column heads. */
function width(text: string): number {
  return [...text.replace(/\p{Mark}/gu, '')].length;
}
