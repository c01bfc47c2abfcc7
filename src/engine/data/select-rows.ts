import type { Batch } from './batch';

/** The given rows of a batch, in that order, padded as they were. */
export function selectRows(batch: Batch, rows: readonly number[]): Batch {
  const perRow = (values: Int32Array): Int32Array => {
    const width = values.length / batch.rows;
    const selected = new Int32Array(rows.length * width);
    rows.forEach((row, i) =>
      selected.set(values.subarray(row * width, (row + 1) * width), i * width),
    );
    return selected;
  };
  return {
    rows: rows.length,
    length: batch.length,
    inputIds: perRow(batch.inputIds),
    typeIds: perRow(batch.typeIds),
    mask: perRow(batch.mask),
    labels: perRow(batch.labels),
    ...(batch.lines && { lines: rows.map((row) => batch.lines?.[row] as number) }),
  };
}
