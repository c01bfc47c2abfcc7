import { basename, dirname, resolve } from 'node:path';
import { UserError } from '../../shared/errors';
import { RUN_FILES } from '../../shared/run-manifest';
import { chooseBackend } from '../backends/registry';
import { toExamples, type Example } from '../data/examples';
import { readTable } from '../data/read-table';
import { openModelDirectory } from '../formats/model-directory';
import { checkpointStep } from './checkpoint';
import { classificationMetrics, type ClassificationMetrics } from './classification-metrics';
import { classify, probabilities } from './classify';
import { findRun } from './commands/find-run';
import { openTokenizer } from './prepare';
import { labelsOf, loadSaved, savedCheckpoint, type SavedModel } from './saved-model';
import { encodeExamples } from './task-data';

export interface PredictFlags {
  readonly data: string;
  readonly model?: string;
  readonly adapter?: string;
  readonly text?: string;
  readonly textPair?: string;
  readonly label?: string;
  readonly logits?: boolean;
}

export interface Prediction {
  /** Line of the data file, or row of a Parquet file. */
  readonly line: number;
  readonly label: string;
  readonly probability: number;
  readonly logits?: readonly number[];
}

export interface PredictResult {
  readonly labels: readonly string[];
  readonly predictions: readonly Prediction[];
  /** With `label`. */
  readonly metrics?: ClassificationMetrics & { readonly loss: number };
}

/**
 * Classifies a file with the last checkpoint of a run, a given checkpoint, or a model folder.
 * @param run run directory or id, or a checkpoint folder inside one
 * @throws UserError `predict-target`, `checkpoint-not-found`, and those of reading models and data
 */
export async function predict(
  run: string | undefined,
  flags: PredictFlags,
): Promise<PredictResult> {
  const target = run === undefined ? modelTarget(flags) : await runTarget(run, flags);
  await chooseBackend(target.manifest?.config.runtime.backend ?? 'auto');
  const directory = await openModelDirectory(target.model);
  try {
    const labels = target.manifest?.labels ?? labelsOf(directory.config, target.model);
    const loaded = await loadSaved(target, { directory, labels });
    const tokenizer = await openTokenizer(directory);
    const { maxLength: longest } = loaded;
    const { max_length = longest, eval_batch_size = 32 } = target.manifest?.config.train ?? {};
    const examples = await readExamples(flags, target, labels);
    const { rows } = await encodeExamples(examples, tokenizer, Math.min(max_length, longest));
    const { model, initial: parameters } = loaded;
    const all = { model, parameters, rows, padId: tokenizer.padId, batchSize: eval_batch_size };
    const result = await classify(all);
    if (!result) throw new Error('classification was aborted without a signal');
    refuseNonFinite(result.logits, examples, flags.data);
    const truth = rows.map(({ label }) => (typeof label === 'number' ? label : -1));
    const metrics = { ...classificationMetrics(truth, result.predictions), loss: result.loss };
    return {
      labels,
      predictions: examples.map(({ line }, i) =>
        prediction(line, labels, result.logits[i] ?? new Float32Array(), flags.logits ?? false),
      ),
      ...(flags.label !== undefined && { metrics }),
    };
  } finally {
    await directory.close();
  }
}

function refuseNonFinite(
  logits: readonly Float32Array[],
  examples: readonly Example[],
  file: string,
): void {
  const index = logits.findIndex((row) => !row.every(Number.isFinite));
  if (index < 0) return;
  throw new UserError({
    code: 'logits-not-finite',
    message: 'the model does not answer with numbers',
    place: { file: resolve(file), line: examples[index]?.line ?? 0 },
    expected: 'finite logits',
    found: Array.from(logits[index] ?? []).join(', '),
    remedy: 'Its training has diverged: predict with an earlier checkpoint of the run.',
  });
}

/** The texts, from the columns that the flags name, else those of the run. */
async function readExamples(
  flags: PredictFlags,
  { manifest }: SavedModel,
  labels: readonly string[],
): Promise<readonly Example[]> {
  const task = manifest?.config.task;
  const text = flags.text ?? task?.text ?? 'text';
  const pair = flags.textPair ?? task?.text_pair;
  const file = resolve(flags.data);
  return toExamples({
    rows: await readTable({ file, ...(task?.columns && { columns: task.columns }) }),
    file,
    textColumns: pair === undefined ? [text] : [text, pair],
    ...(flags.label !== undefined && { labelColumn: flags.label, labels }),
  });
}

function prediction(
  line: number,
  labels: readonly string[],
  logits: Float32Array,
  withLogits: boolean,
): Prediction {
  const shares = probabilities(logits);
  const probability = Math.max(...shares);
  const index = shares.indexOf(probability);
  return {
    line,
    label: labels[index] ?? String(index),
    probability,
    ...(withLogits && { logits: Array.from(logits) }),
  };
}

function modelTarget({ model, adapter }: PredictFlags): SavedModel {
  if (model === undefined)
    throw new UserError({
      code: 'predict-target',
      message: 'there is nothing to predict with',
      expected: 'a run, a checkpoint, or `--model FOLDER`',
      remedy: 'Such as `flatscape predict RUN --data FILE`.',
    });
  return { model: resolve(model), ...(adapter !== undefined && { adapter: resolve(adapter) }) };
}

async function runTarget(name: string, flags: PredictFlags): Promise<SavedModel> {
  if (flags.model !== undefined || flags.adapter !== undefined)
    throw new UserError({
      code: 'predict-target',
      message: 'a run brings its own model and adapter',
      expected: 'a run, or `--model`',
      found: 'both',
      remedy: 'Leave out `--model` and `--adapter`, or the run.',
    });
  const path = findRun(name);
  const isCheckpoint = basename(dirname(path)) === RUN_FILES.checkpoints;
  if (!isCheckpoint) return savedCheckpoint(path);
  return savedCheckpoint(dirname(dirname(path)), checkpointStep(basename(path)));
}
