import { dirname, resolve } from 'node:path';
import { setImmediate as eventLoopTurn } from 'node:timers/promises';
import type { Config } from '../../shared/config/schema';
import type { BatchRow } from '../data/batches';
import { inferLabels, toExamples, type Example } from '../data/examples';
import { readTable } from '../data/read-table';
import type { TextTokenizer } from '../data/tokenizer';

export interface TaskData {
  /** Absolute paths: the training file, and the evaluation file if there is one. */
  readonly files: readonly string[];
  readonly labels: readonly string[];
  readonly train: readonly Example[];
  /** Empty without an evaluation file. */
  readonly eval: readonly Example[];
}

/**
 * Reads the data files of a config.
 * @throws UserError of `readTable`, `inferLabels` and `toExamples`, each with file and row
 */
export async function readTaskData(configFile: string, task: Config['task']): Promise<TaskData> {
  const at = (file: string) => resolve(dirname(configFile), file);
  const columns = task.columns && { columns: task.columns };
  const trainFile = at(task.train);
  const trainRows = await readTable({ file: trainFile, ...columns });
  const labels = task.labels ?? inferLabels(trainRows, task.label, trainFile);
  const examples = (rows: Awaited<ReturnType<typeof readTable>>, file: string) =>
    toExamples({
      rows,
      file,
      textColumns: task.text_pair === undefined ? [task.text] : [task.text, task.text_pair],
      labelColumn: task.label,
      labels,
    });
  const train = examples(trainRows, trainFile);
  if (task.eval === undefined) return { files: [trainFile], labels, train, eval: [] };
  const evalFile = at(task.eval);
  const evalRows = await readTable({ file: evalFile, ...columns });
  return { files: [trainFile, evalFile], labels, train, eval: examples(evalRows, evalFile) };
}

export interface Encoded {
  readonly rows: readonly BatchRow[];
  /** Examples that were cut to the length limit. */
  readonly truncated: number;
}

/** Tokenizes examples; gives the event loop a turn every now and then. */
export async function encodeExamples(
  examples: readonly Example[],
  tokenizer: TextTokenizer,
  maxLength: number,
  onProgress: (fraction: number) => void = () => undefined,
): Promise<Encoded> {
  const rows: BatchRow[] = [];
  let truncated = 0;
  for (const { textA, textB, label, line } of examples) {
    const encoding = tokenizer.encode(textA, textB, maxLength);
    if (encoding.truncated) truncated += 1;
    rows.push({
      ids: encoding.ids,
      typeIds: encoding.typeIds,
      ...(label !== undefined && { label }),
      line,
    });
    if (rows.length % 256 > 0) continue;
    onProgress(rows.length / examples.length);
    await eventLoopTurn();
  }
  return { rows, truncated };
}
