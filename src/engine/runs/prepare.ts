import { stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { unreadMethodWarnings } from '../../shared/config/method-schema';
import type { RunEventBody } from '../../shared/events';
import type { ModuleInfo } from '../../shared/run-manifest';
import { isUserError, UserError } from '../../shared/errors';
import { loadTrainableModel, type LoadedModel } from '../adapters/load-trainable';
import type { AdaptedModule } from '../adapters/trainable-model';
import type { BackendChoice } from '../backends/backend';
import { chooseBackend } from '../backends/registry';
import { loadTokenizer, type TextTokenizer } from '../data/tokenizer';
import { hashFile } from '../formats/files';
import { readSavedAdapter } from '../formats/flatscape-adapter';
import { openModelDirectory, type ModelDirectory } from '../formats/model-directory';
import { resolveModel } from '../formats/resolve-model';
import { checkCombination, combinationWarnings } from './check-combination';
import { createModelTrainer } from './model-trainer';
import type { PreparedRun, RunSource } from './run-session';
import { runSteps } from './step-plan';
import { encodeExamples, readTaskData, type TaskData } from './task-data';
import type { Trainer } from './trainer';
import { runVersions } from './versions';

/** Everything that a run needs, found and read, but for the tokenized data. */
export interface RunInputs {
  readonly source: RunSource;
  /** Closed by the caller. */
  readonly directory: ModelDirectory;
  readonly data: TaskData;
}

/**
 * Finds the model and reads the data.
 * @throws UserError of `resolveModel`, `openModelDirectory`, `readTaskData`;
 *   `probe-source-missing`, those of `checkCombination`
 */
export async function openInputs(
  source: RunSource,
  onProgress: (message: string) => void,
): Promise<RunInputs> {
  const { configFile, config } = source;
  checkCombination(config, configFile);
  if (config.probe.every > 0 && config.probe.source === 'eval' && config.task.eval === undefined)
    throw new UserError({
      code: 'probe-source-missing',
      message: 'the probe batch is to come from the evaluation file, and there is none',
      place: { file: configFile, at: 'probe.source' },
      remedy: 'Set `task.eval`, or `probe.source: train`.',
    });
  onProgress('finding the model');
  const { dir } = await resolveModel({
    id: config.model.name_or_path,
    revision: config.model.revision,
    configDir: dirname(configFile),
    onProgress: ({ file }) => onProgress(`downloading ${file}`),
  }).catch((error: unknown) => {
    throw atConfig(error, source);
  });
  onProgress('reading the data');
  const data = await readTaskData(configFile, config.task);
  return { source, directory: await openModelDirectory(dir), data };
}

/** Loads the model with the config's adapter onto the backend that was started. */
export async function loadInputs(
  { source, directory, data }: RunInputs,
  onProgress?: (fraction: number) => void,
): Promise<LoadedModel> {
  const { configFile, config } = source;
  const { adapter } = config;
  const initFrom =
    adapter.init_from === undefined
      ? {}
      : { initFrom: await readSavedAdapter(resolve(dirname(configFile), adapter.init_from)) };
  const loaded = await loadTrainableModel({
    directory,
    head: 'classification',
    labels: data.labels,
    adapter,
    seed: config.train.seed,
    ...initFrom,
    ...(onProgress && { onProgress: (done: number, total: number) => onProgress(done / total) }),
  }).catch((error: unknown) => {
    throw atConfig(error, source);
  });
  return { ...loaded, warnings: [...loaded.warnings, ...combinationWarnings(config)] };
}

/** What is placed at a key of the config alone stands in its file. */
function atConfig(error: unknown, { configFile, config }: RunSource): unknown {
  if (!isUserError(error) || error.place?.at === undefined || error.place.file) return error;
  if (!Object.hasOwn(config, error.place.at.split('.')[0] ?? '')) return error;
  const place = { file: configFile, at: error.place.at };
  return new UserError({ ...error.toJSON(), place }, { cause: error });
}

/** The model's own tokenizer. */
export function openTokenizer({ dir, tokenizerFiles, config }: ModelDirectory) {
  return loadTokenizer({ dir, files: tokenizerFiles, modelConfig: config });
}

/**
 * Prepares a run with real models: backend, model and data are there afterwards, and everything
 * that `run.json` says is known.
 */
export async function prepareRun(
  source: RunSource,
  onProgress: (message: string) => void,
): Promise<PreparedRun> {
  const backend = await chooseBackend(source.config.runtime.backend);
  const inputs = await openInputs(source, onProgress);
  try {
    onProgress('loading the model');
    // Before the weights: what is wrong with it must not wait for them.
    const tokenizer = await openTokenizer(inputs.directory);
    const loaded = await loadInputs(inputs);
    return {
      facts: await runFacts(inputs, loaded, backend),
      createTrainer: (onEvent) => {
        warnOfRefused(backend, onEvent);
        return tokenizedTrainer(inputs, { tokenizer, loaded }, onEvent);
      },
    };
  } finally {
    await inputs.directory.close();
  }
}

/** A backend that is not installed is no news; one that is, and does not work, is. */
function warnOfRefused({ refused }: BackendChoice, onEvent: (event: RunEventBody) => void): void {
  for (const { name, reason, installed } of refused)
    if (installed)
      onEvent({
        type: 'warning',
        code: 'backend-refused',
        message: `${name} is installed and was refused: ${reason}`,
      });
}

async function runFacts(
  { source: { config }, directory, data }: RunInputs,
  loaded: LoadedModel,
  backend: BackendChoice,
): Promise<PreparedRun['facts']> {
  const tokenizerFiles = Object.values(directory.tokenizerFiles);
  const modelFiles = [
    resolve(directory.dir, 'config.json'),
    ...directory.weightFiles,
    ...tokenizerFiles,
  ];
  return {
    versions: runVersions(),
    backend: { ...backend, refused: [...backend.refused] },
    model: {
      architecture: loaded.model.architecture,
      directory: directory.dir,
      files: await hashFiles(modelFiles),
    },
    data: {
      files: await hashFiles(data.files),
      train: data.train.length,
      eval: data.eval.length,
    },
    labels: [...data.labels],
    modules: loaded.model.modules.map(moduleInfo),
    parameters: loaded.counts,
    totalSteps: runSteps(config.train, data.train.length).totalSteps,
  };
}

async function tokenizedTrainer(
  { source: { config }, data }: RunInputs,
  { tokenizer, loaded }: { tokenizer: TextTokenizer; loaded: LoadedModel },
  onEvent: (event: RunEventBody) => void,
): Promise<Trainer> {
  for (const message of loaded.warnings) onEvent({ type: 'warning', code: 'model', message });
  for (const message of unreadMethodWarnings(config.method))
    onEvent({ type: 'warning', code: 'unread-key', message });
  const [first, ...others] = data.train;
  if (others.every(({ label }) => label === first?.label))
    onEvent({
      type: 'warning',
      code: 'one-class',
      message: `All training examples have the label ${data.labels[first?.label ?? 0]}: there is nothing to tell apart.`,
    });
  const { max_length } = config.train;
  const maxLength = Math.min(max_length, loaded.maxLength);
  if (maxLength < max_length)
    onEvent({
      type: 'warning',
      code: 'max-length-reduced',
      message: `train.max_length ${max_length} is more than the model takes: ${maxLength} is used.`,
    });
  const encode = async (name: 'train' | 'eval') => {
    const message = `tokenizing ${data[name].length} examples (${name})`;
    onEvent({ type: 'phase', phase: 'tokenizing', message });
    const { rows, truncated } = await encodeExamples(data[name], tokenizer, maxLength);
    if (truncated > 0)
      onEvent({
        type: 'warning',
        code: 'truncated',
        message: `${truncated} of ${rows.length} examples (${name}) were cut to ${maxLength} tokens.`,
      });
    return rows;
  };
  return createModelTrainer({
    config,
    loaded,
    train: await encode('train'),
    eval: data.eval.length > 0 ? await encode('eval') : [],
    padId: tokenizer.padId,
    labels: data.labels,
  });
}

/** What a manifest says of an adapted module. */
export function moduleInfo({ path, out, in: width, rank, scaling }: AdaptedModule): ModuleInfo {
  return {
    ...{ path, out, in: width, rank, scaling },
    layer: blockIndex(path) ?? null,
    kind: path.slice(path.lastIndexOf('.') + 1),
  };
}

/** Transformer block of a module path, if it is in one. */
export function blockIndex(path: string): number | undefined {
  const digits = /\.(?:layer|layers|h|blocks)\.(\d+)\./.exec(path)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

async function hashFiles(paths: readonly string[]) {
  return Promise.all(
    paths.map(async (path) => ({
      path,
      sha256: await hashFile(path),
      bytes: (await stat(path)).size,
    })),
  );
}
