import type { InspectionRequest } from '../../shared/inspection/request';
import type { Batch } from '../data/batch';
import { epochOrder, makeBatch } from '../data/batches';
import type { Example } from '../data/examples';
import type { TextTokenizer } from '../data/tokenizer';
import { encodeExamples } from '../runs/task-data';

/** The fixed examples that everything is measured on. */
export interface ProbeSet {
  readonly batches: readonly Batch[];
  readonly examples: number;
  /** Longest sequence in tokens. */
  readonly length: number;
  readonly truncated: number;
}

/**
 * Chooses the examples by the seed, as a run does for its probe: with the run's `train.seed` and the
 * size of its probe they are the same. Tokenized once; sorted by length, so that little is padded.
 * The mean loss does not depend on that order.
 */
export async function makeProbeSet(
  examples: readonly Example[],
  tokenizer: TextTokenizer,
  { data, maxLength }: { data: InspectionRequest['data']; maxLength: number },
): Promise<ProbeSet> {
  const order = epochOrder(data.seed, -1, examples.length, true).subarray(0, data.examples);
  const chosen = Array.from(order).flatMap((index) => examples[index] ?? []);
  const { rows, truncated } = await encodeExamples(chosen, tokenizer, maxLength);
  const byLength = rows
    .map((row, index) => ({ row, index }))
    .sort((a, b) => b.row.ids.length - a.row.ids.length || a.index - b.index)
    .map(({ row }) => row);
  const batches: Batch[] = [];
  for (let start = 0; start < byLength.length; start += data.batch_size)
    batches.push(makeBatch(byLength.slice(start, start + data.batch_size), tokenizer.padId));
  const length = Math.max(...rows.map(({ ids }) => ids.length));
  return { batches, examples: rows.length, length, truncated };
}
