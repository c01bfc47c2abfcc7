import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import { IGNORED_LABEL, type Batch } from './batch';

/** An encoded example, ready to be padded. */
export interface BatchRow {
  readonly ids: readonly number[];
  /** Same length as `ids`. */
  readonly typeIds: readonly number[];
  /** A class index, or for language modelling one label per id; none: `IGNORED_LABEL`. */
  readonly label?: number | readonly number[];
  readonly line?: number;
}

/**
 * Pads rows on the right to the longest of them. Rows either all have per-token labels, which
 * makes `labels` [rows * length], or none has, which makes it [rows].
 * @param padId  the id at masked positions
 */
export function makeBatch(batchRows: readonly BatchRow[], padId: number): Batch {
  const rows = batchRows.length;
  const length = Math.max(0, ...batchRows.map(({ ids }) => ids.length));
  const inputIds = new Int32Array(rows * length).fill(padId);
  const typeIds = new Int32Array(rows * length);
  const mask = new Int32Array(rows * length);
  const perToken = batchRows.some(({ label }) => Array.isArray(label));
  const labels = new Int32Array(perToken ? rows * length : rows).fill(IGNORED_LABEL);
  for (const [i, row] of batchRows.entries()) {
    const start = i * length;
    inputIds.set(row.ids, start);
    typeIds.set(row.typeIds, start);
    mask.fill(1, start, start + row.ids.length);
    if (typeof row.label === 'number') labels[i] = row.label;
    else if (row.label) labels.set(row.label, start);
  }
  const lines = batchRows.flatMap(({ line }) => (line === undefined ? [] : [line]));
  return {
    ...{ rows, length, inputIds, typeIds, mask, labels },
    ...(lines.length === rows && { lines }),
  };
}

/**
 * The order of n examples in an epoch: the same for the same seed and epoch, so a run that is
 * resumed needs only its epoch and its place in it. Fisher and Yates, from a generator that
 * depends on nothing but seed and epoch.
 */
export function epochOrder(
  seed: number,
  epoch: number,
  n: number,
  shuffle: boolean,
): Int32Array<ArrayBuffer> {
  const order = Int32Array.from({ length: n }, (_, i) => i);
  if (!shuffle) return order;
  // The golden ratio spreads consecutive epochs over the seeds of the generator.
  const rng = xoroshiro128plus((seed ^ Math.imul(epoch + 1, 0x9e3779b1)) | 0);
  for (let i = n - 1; i > 0; i--) {
    const j = uniformInt(rng, 0, i);
    const kept = order[i] ?? 0;
    order[i] = order[j] ?? 0;
    order[j] = kept;
  }
  return order;
}

/** Steps whose examples are sorted together, as in transformers. */
const MEGA_BATCH = 50;

/**
 * Puts examples of about one length next to each other, by the rule of transformers'
 * `group_by_length`: runs of 50 steps of the order given, fewer where the data is short, each sorted
 * from long to short; and the longest example of all first, so that a run that does not fit in
 * memory fails at once. Equal lengths keep their order, so the result depends on nothing else.
 * @param lengths tokens, by example
 * @param perStep examples of an optimizer step
 */
export function groupByLength(
  order: Int32Array,
  lengths: readonly number[],
  perStep: number,
): Int32Array<ArrayBuffer> {
  const grouped = Int32Array.from(order);
  if (order.length === 0) return grouped;
  const longer = (a: number, b: number) => (lengths[b] ?? 0) - (lengths[a] ?? 0);
  const steps = Math.min(Math.floor(order.length / (4 * perStep)), MEGA_BATCH) || 1;
  const size = steps * perStep;
  let longest = 0;
  for (let start = 0; start < order.length; start += size) {
    grouped.subarray(start, start + size).sort(longer);
    if (longer(grouped[start] ?? 0, grouped[longest] ?? 0) < 0) longest = start;
  }
  const first = grouped[0] ?? 0;
  grouped[0] = grouped[longest] ?? 0;
  grouped[longest] = first;
  return grouped;
}
