import * as tf from '@tensorflow/tfjs-core';
import type { Preflight } from '../../client/preflight';
import { outputFolder } from '../../client/read-config';
import { unreadMethodWarnings } from '../../shared/config/method-schema';
import { UserError } from '../../shared/errors';
import type { BackendName } from '../../shared/backends';
import { METHODS } from '../../shared/methods';
import type { LoadedModel } from '../adapters/load-trainable';
import { BACKENDS, chooseBackend } from '../backends/registry';
import { estimateMemory, type MemoryShape } from './memory-estimate';
import { modelShape } from './model-shape';
import { createModelTrainer } from './model-trainer';
import { loadInputs, openInputs, openTokenizer, type RunInputs } from './prepare';
import type { RunSource } from './run-session';
import { runSteps } from './step-plan';
import { encodeExamples } from './task-data';

type Progress = (message: string, fraction?: number) => void;

/**
 * What a run would need and how long it would take. Memory is estimated from file headers before
 * any weight is read; the time from one real step on the backend that would be used.
 * @throws UserError `memory-limit`, and everything that would stop the run itself
 */
export async function preflightRun(source: RunSource, onProgress: Progress): Promise<Preflight> {
  const { config, configFile } = source;
  onProgress('choosing a backend', 0);
  const backend = await chooseBackend(config.runtime.backend);
  const inputs = await openInputs(source, (message) => onProgress(message, 0.1));
  try {
    const memoryLimit = BACKENDS[backend.name].memoryLimit;
    const memoryBytes = estimateMemory(memoryShape(inputs), backend.name);
    if (memoryBytes > memoryLimit) throw tooLarge(memoryBytes, backend.name, source);
    onProgress('loading the model', 0.3);
    let last = 0;
    const loaded = await loadInputs(inputs, (fraction) => {
      if (fraction - last < 0.1) return;
      last = fraction;
      onProgress('loading the model', 0.3 + 0.4 * fraction);
    });
    onProgress('timing one step', 0.7);
    const timed = await timeRun(inputs, loaded);
    return {
      backend: { ...backend, refused: [...backend.refused] },
      architecture: loaded.model.architecture,
      trainable: loaded.counts.trainable,
      total: loaded.counts.total,
      modules: loaded.model.modules.length,
      memoryBytes,
      memoryLimit,
      steps: runSteps(config.train, inputs.data.train.length).totalSteps,
      trainExamples: inputs.data.train.length,
      evalExamples: inputs.data.eval.length,
      secondsEstimate: timed.seconds,
      secondsBasis: timed.basis,
      warnings: [...loaded.warnings, ...unreadMethodWarnings(config.method), ...timed.warnings],
      runDirectory: outputFolder(configFile, config),
    };
  } finally {
    await inputs.directory.close();
  }
}

/** Rows of the timed step; a whole batch would take too long on a large model. */
const TIMED_ROWS = 4;
/** Examples looked at for the typical length. */
const SAMPLE = 200;

/**
 * One warm-up step, one timed step of the config's own method, and one timed probe, on a sample of
 * the data; then scaled by rows and tokens.
 */
async function timeRun({ source: { config }, directory, data }: RunInputs, loaded: LoadedModel) {
  const tokenizer = await openTokenizer(directory);
  const maxLength = Math.min(config.train.max_length, loaded.maxLength);
  const sample = data.train.filter((_e, i) => i % Math.ceil(data.train.length / SAMPLE) === 0);
  const { rows, truncated } = await encodeExamples(sample, tokenizer, maxLength);
  const batch = Math.min(TIMED_ROWS, config.train.batch_size);
  const trainer = createModelTrainer({
    config: {
      ...config,
      train: {
        ...{ ...config.train, batch_size: batch, gradient_accumulation_steps: 1, steps: 2 },
        // The longest would come first.
        group_by_length: false,
      },
      probe: { ...config.probe, examples: batch },
    },
    ...{ loaded, train: rows, eval: rows, padId: tokenizer.padId, labels: data.labels },
  });
  try {
    await trainer.step(1); // compiles kernels, packs weights
    const stepSeconds = await seconds(() => trainer.step(2));
    const measure = { signal: new AbortController().signal, onProgress: () => undefined };
    const probeSeconds = config.probe.every > 0 ? await seconds(() => trainer.probe(measure)) : 0;
    const perRow = stepSeconds / batch;
    const { totalSteps, stepsPerEpoch } = runSteps(config.train, data.train.length);
    const perStep = config.train.batch_size * config.train.gradient_accumulation_steps;
    const probes = config.probe.every > 0 ? 1 + Math.ceil(totalSteps / config.probe.every) : 0;
    const probeRows = Math.min(config.probe.examples, data.train.length);
    const evals = 1 + Math.ceil(totalSteps / (config.train.eval_every || stepsPerEpoch));
    // Two thirds of a pass are its backward half.
    const forwardRow = perRow / (3 * METHODS[config.method.name].passes);
    const total =
      totalSteps * Math.min(perStep, data.train.length) * perRow +
      probes * (probeRows / batch) * probeSeconds +
      evals * data.eval.length * forwardRow;
    const share = Math.round((100 * truncated) / Math.max(1, sample.length));
    return {
      seconds: total,
      basis: `an estimate: one ${config.method.name} step of ${batch} examples took ${stepSeconds.toPrecision(2)} s on ${tf.getBackend()}, one probe of them ${probeSeconds.toPrecision(2)} s`,
      warnings:
        share > 0 ? [`about ${share} % of the examples are cut to ${maxLength} tokens`] : [],
    };
  } finally {
    trainer.dispose();
  }
}

async function seconds(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return (performance.now() - started) / 1000;
}

function memoryShape({ source: { config }, directory }: RunInputs): MemoryShape {
  const model = modelShape(directory);
  const { layers, hidden } = model;
  const { type, r, size } = config.adapter;
  const trainable = {
    // An upper bound: two factors on each of the six linears of a layer.
    lora: layers * 6 * 2 * r * hidden,
    adapter: layers * 2 * 2 * size * hidden,
    full: model.frozenLinear,
    head: hidden * hidden,
  }[type];
  return {
    ...model,
    ...(type === 'full' && { frozenLinear: 0 }),
    trainable,
    rows: config.train.batch_size,
    length: Math.min(config.train.max_length, model.longest),
  };
}

function tooLarge(bytes: number, backend: BackendName, { configFile }: RunSource): UserError {
  const gib = (n: number) => `${(n / 2 ** 30).toFixed(1)} GiB`;
  return new UserError({
    code: 'memory-limit',
    message: 'the run would need more memory than the backend may use',
    place: { file: configFile, at: 'train.batch_size' },
    expected: `at most ${gib(BACKENDS[backend].memoryLimit)} on ${backend}`,
    found: `about ${gib(bytes)}`,
    remedy:
      'Lower `train.batch_size` (and raise `train.gradient_accumulation_steps` by as much), lower `train.max_length`, or take a smaller model.' +
      (backend === 'wasm'
        ? ' `flatscape backends install tensorflow` adds a backend that may use all memory of the machine.'
        : ''),
  });
}
