import * as tf from '@tensorflow/tfjs-core';
import { setImmediate as eventLoopTurn } from 'node:timers/promises';
import type { ParameterMap, TrainableModel } from '../adapters/trainable-model';
import { makeBatch, type BatchRow } from '../data/batches';

export interface ClassifyOptions {
  readonly model: TrainableModel;
  readonly parameters: ParameterMap;
  readonly rows: readonly BatchRow[];
  readonly padId: number;
  readonly batchSize: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (fraction: number) => void;
}

export interface Classified {
  /** Logits of each row, in the order given. */
  readonly logits: readonly Float32Array[];
  /** Index of the largest logit, the first of equal ones. */
  readonly predictions: Int32Array;
  /** Mean cross-entropy over the rows that have a label; NaN if none has. */
  readonly loss: number;
}

/**
 * Runs the model over rows in evaluation mode. Rows of like length share a batch, so that little is
 * padded. Gives the event loop a turn after each batch.
 * @returns undefined when aborted
 */
export async function classify(options: ClassifyOptions): Promise<Classified | undefined> {
  const { model, parameters, rows, padId, batchSize, signal, onProgress } = options;
  const byLength = rows
    .map((_row, index) => index)
    .sort((a, b) => lengthOf(rows[a]) - lengthOf(rows[b]) || a - b);
  const logits: Float32Array[] = new Array<Float32Array>(rows.length);
  for (let start = 0; start < byLength.length; start += batchSize) {
    if (signal?.aborted) return undefined;
    const indices = byLength.slice(start, start + batchSize);
    const batch = makeBatch(
      indices.flatMap((index) => rows[index] ?? []),
      padId,
    );
    const tensor = tf.tidy(() => model.logits(parameters, batch));
    const values = (await tensor.data()) as Float32Array;
    tensor.dispose();
    const width = values.length / indices.length;
    for (const [i, index] of indices.entries())
      logits[index] = values.slice(i * width, (i + 1) * width);
    onProgress?.((start + indices.length) / rows.length);
    await eventLoopTurn();
  }
  return { logits, predictions: Int32Array.from(logits, argmax), loss: meanLoss(rows, logits) };
}

/** Softmax of one row of logits. */
export function probabilities(logits: Float32Array): number[] {
  const largest = Math.max(...logits);
  const exponentials = Array.from(logits, (value) => Math.exp(value - largest));
  const sum = exponentials.reduce((total, value) => total + value, 0);
  return exponentials.map((value) => value / sum);
}

function lengthOf(row: BatchRow | undefined): number {
  return row?.ids.length ?? 0;
}

function argmax(logits: Float32Array): number {
  return logits.reduce((best, value, i) => (value > (logits[best] ?? NaN) ? i : best), 0);
}

function meanLoss(rows: readonly BatchRow[], logits: readonly Float32Array[]): number {
  const losses = rows.flatMap(({ label }, i) => {
    const row = logits[i];
    if (typeof label !== 'number' || !row) return [];
    const largest = Math.max(...row);
    const logSum = Math.log(row.reduce((sum, value) => sum + Math.exp(value - largest), 0));
    return [logSum + largest - (row[label] ?? NaN)];
  });
  return losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
}
