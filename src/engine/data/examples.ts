import { UserError } from '../../shared/errors';
import type { TableRow } from './read-table';

/** One text, or pair of texts, with the index of its label. */
export interface Example {
  readonly textA: string;
  readonly textB?: string;
  /** Index into the label names; absent where no label column was asked for. */
  readonly label?: number;
  /** As in `TableRow`. */
  readonly line: number;
}

export interface ToExamplesOptions {
  readonly rows: readonly TableRow[];
  /** For messages. */
  readonly file: string;
  /** The column of the text, or of both texts of a pair. */
  readonly textColumns: readonly [string] | readonly [string, string];
  readonly labelColumn?: string;
  /**
   * Names in the order of the model's outputs; required with `labelColumn`. Labels are matched by
   * name; a whole number that is not itself a name is taken as an index into this list.
   */
  readonly labels?: readonly string[];
}

/**
 * @throws UserError `column-missing`; `label-unknown`, which names file, row, label and the
 *         labels expected
 */
export function toExamples(options: ToExamplesOptions): readonly Example[] {
  const { rows, file, textColumns, labelColumn, labels = [] } = options;
  const [columnA, columnB] = textColumns;
  const indexOf = new Map(labels.map((name, i) => [name, i]));
  return rows.map((row) => ({
    textA: String(cell(row, columnA, file)),
    ...(columnB !== undefined && { textB: String(cell(row, columnB, file)) }),
    ...(labelColumn !== undefined && {
      label: labelIndex(row, { file, labelColumn, indexOf }),
    }),
    line: row.line,
  }));
}

/**
 * The label names that occur, for a task that does not state them: sorted by code unit, or by
 * value where all are numbers, so that the order does not depend on the order of the rows.
 * @throws UserError `column-missing`, `label-count` where there are fewer than two
 */
export function inferLabels(
  rows: readonly TableRow[],
  labelColumn: string,
  file: string,
): readonly string[] {
  const names = [...new Set(rows.map((row) => String(cell(row, labelColumn, file))))];
  if (names.length < 2) {
    throw new UserError({
      code: 'label-count',
      message: 'there is nothing to tell apart: all rows have the same label',
      place: { file, at: labelColumn },
      expected: 'at least two labels',
      found: names.join(', '),
      remedy: 'Check `task.label`, or add examples of another label.',
    });
  }
  const numeric = names.every((name) => name.trim() !== '' && Number.isFinite(Number(name)));
  return names.sort((a, b) => (numeric ? Number(a) - Number(b) : a < b ? -1 : 1));
}

function cell(row: TableRow, column: string, file: string): string | number {
  const value = row.values.get(column);
  if (value !== undefined) return value;
  throw new UserError({
    code: 'column-missing',
    message: 'the row has no text or number in this column',
    place: { file, line: row.line, at: column },
    expected: `column \`${column}\``,
    found: `columns ${[...row.values.keys()].map((name) => `\`${name}\``).join(', ') || '(none)'}`,
    remedy:
      'Correct the column name (`task.text`, `task.text_pair`, `task.label`, `task.columns` for a file without header line), or the row.',
  });
}

interface LabelLookup {
  readonly file: string;
  readonly labelColumn: string;
  readonly indexOf: ReadonlyMap<string, number>;
}

function labelIndex(row: TableRow, { file, labelColumn, indexOf }: LabelLookup): number {
  const value = cell(row, labelColumn, file);
  const byName = indexOf.get(String(value));
  if (byName !== undefined) return byName;
  const isIndex = typeof value === 'number' && Number.isInteger(value);
  if (isIndex && value >= 0 && value < indexOf.size) return value;
  throw new UserError({
    code: 'label-unknown',
    message: `label \`${value}\` is not one of the task's`,
    place: { file, line: row.line, at: labelColumn },
    expected: `one of ${[...indexOf.keys()].map((name) => `\`${name}\``).join(', ')}`,
    found: `\`${value}\``,
    remedy: 'Add it to `task.labels`, or correct the row.',
  });
}
