import type * as tf from '@tensorflow/tfjs-core';
import { join } from 'node:path';
import type { Config } from '../../shared/config/schema';
import { UserError } from '../../shared/errors';
import type { ModelDirectory } from '../formats/model-directory';
import type { PeftAdapter } from '../formats/peft-adapter';
import type { AdapterConfig } from '../formats/peft-config';
import { isSavedModule, resolveTargets } from '../formats/peft-targets';
import type { Head, ModelSpec } from '../models/architecture';
import { modelSpec } from '../models/registry';
import { loadParts, type LoadedParts } from './load-parts';
import { adaptedModule, freshPair, peftConfig, peftModules } from './lora';
import { networkAt } from './network';
import { openStateDict, type StateDict } from './state-dict';
import { storedParameters } from './stored-parameters';
import type { AdaptedModule, TrainableModel } from './trainable-model';

export interface LoadTrainableOptions {
  readonly directory: ModelDirectory;
  readonly head: Head;
  /** Class names in order; not used by masked language modelling. */
  readonly labels: readonly string[];
  /**
   * Settings of the adapter to train. Without them the model has the adapter of `initFrom` as it
   * was saved, and without that none: the base model alone, with nothing to train.
   */
  readonly adapter?: Config['adapter'];
  /** Seeds whatever starts at random. */
  readonly seed: number;
  /** An adapter whose values are taken instead of fresh ones. */
  readonly initFrom?: PeftAdapter;
  /** Tensors read so far, and in all. */
  readonly onProgress?: (done: number, total: number) => void;
}

export interface LoadedModel {
  readonly model: TrainableModel & { readonly architecture: string };
  /** Where training starts, by PEFT key; the caller disposes them. */
  readonly initial: Map<string, tf.Tensor>;
  readonly warnings: readonly string[];
  readonly counts: { readonly trainable: number; readonly total: number };
  /** The adapter in PEFT's terms, ready to be saved; `undefined` for the base model alone. */
  readonly peft: AdapterConfig | undefined;
  readonly maxLength: number;
}

/**
 * Loads a model with frozen weights, and the adapter to train on it. Weights are read and moved
 * to the backend one after the other.
 * @throws UserError `model-unsupported`, `model-config-invalid`, `tensor-missing`,
 *         `tensor-unexpected`, `tensor-shape`, `adapter-*`, and those of reading files
 */
export async function loadTrainableModel(options: LoadTrainableOptions): Promise<LoadedModel> {
  const { directory, head, labels, seed, initFrom } = options;
  const file = join(directory.dir, 'config.json');
  const spec = modelSpec({ config: directory.config, file, head, labels: labels.length });
  const peft = options.adapter ? peftConfig(options.adapter, spec) : initFrom?.config;
  const adapted = adaptedModules(spec, peft);
  const trained = trainedNames(spec, peft);
  const stored = initFrom && storedParameters({ adapter: initFrom, spec, adapted, trained });
  const state = openStateDict(directory, spec, seed);
  const parts = await loadParts({ state, spec, trained, onProgress: options.onProgress });

  const initial = new Map<string, tf.Tensor>(stored);
  if (!stored) {
    const init = options.adapter?.init_lora_weights ?? true;
    for (const module of adapted.values())
      for (const [key, value] of freshPair(module, init, seed)) initial.set(key, value);
    for (const [key, value] of parts.trained) initial.set(key, value);
  } else for (const value of parts.trained.values()) value.dispose();
  return {
    model: trainableModel(spec, { parts, adapted, loraDropout: peft?.lora_dropout ?? 0 }),
    initial,
    warnings: [
      ...randomWarnings(state, stored ? trained : new Set()),
      ...unmatchedWarnings(spec, options.adapter),
    ],
    counts: countParameters(state, initial, trained),
    peft,
    maxLength: spec.maxLength,
  };
}

interface Assembly {
  readonly parts: LoadedParts;
  readonly adapted: ReadonlyMap<string, AdaptedModule>;
  readonly loraDropout: number;
}

function trainableModel(
  spec: ModelSpec,
  { parts, adapted, loraDropout }: Assembly,
): LoadedModel['model'] {
  const whole = { ...parts, adapted, loraDropout, epsilon: spec.epsilon };
  return {
    architecture: spec.className,
    modules: [...adapted.values()],
    headKeys: [...parts.trained.keys()],
    loss: (parameters, batch, dropout) => spec.loss(networkAt(whole, parameters, dropout), batch),
    logits: (parameters, batch) => spec.logits(networkAt(whole, parameters, undefined), batch),
    dispose: () => parts.dispose(),
  };
}

/** By module path, in the order of the model. */
function adaptedModules(
  spec: ModelSpec,
  config: AdapterConfig | undefined,
): ReadonlyMap<string, AdaptedModule> {
  if (!config) return new Map();
  const targets = resolveTargets({ modules: peftModules(spec), config, modelType: spec.modelType });
  const linears = new Map(spec.linears.map((linear) => [linear.path, linear]));
  return new Map(
    targets.map((target) => {
      const linear = linears.get(target.path);
      if (!linear) throw new Error(`${target.path} is not a linear layer`);
      return [target.path, adaptedModule(linear, target)];
    }),
  );
}

/**
 * State-dict names of what is trained in full.
 * @throws UserError `adapter-unsupported` for embeddings, which stay frozen
 */
function trainedNames(spec: ModelSpec, config: AdapterConfig | undefined): ReadonlySet<string> {
  if (!config) return new Set();
  const isSaved = ({ path }: { readonly path: string }): boolean => isSavedModule(config, path);
  const tied = spec.linears.filter(({ path, weight }) => weight !== `${path}.weight`);
  const frozen = [...spec.tables, ...tied].find(isSaved);
  if (frozen) {
    throw new UserError({
      code: 'adapter-unsupported',
      message: 'embeddings, and the decoder that shares their weights, cannot be trained',
      place: { at: 'adapter.modules_to_save' },
      found: frozen.path,
      remedy: 'List only linear layers and layer norms.',
    });
  }
  return new Set([
    ...spec.norms.filter(isSaved).flatMap(({ path }) => [`${path}.weight`, `${path}.bias`]),
    ...spec.linears.filter(isSaved).flatMap(({ weight, bias }) => [weight, bias]),
  ]);
}

function randomWarnings(state: StateDict, replaced: ReadonlySet<string>): readonly string[] {
  return state.random
    .filter(({ path }) => !replaced.has(`${path}.weight`))
    .map(({ path, reason }) => `${path} starts at random: ${reason}`);
}

/** PEFT takes a name in a list that fits nothing without a word; it is often misspelt. */
function unmatchedWarnings(spec: ModelSpec, adapter: Config['adapter'] | undefined): string[] {
  const paths = peftModules(spec).map(({ path }) => path);
  return (['target_modules', 'modules_to_save'] as const).flatMap((key) => {
    const names = adapter?.[key];
    if (!Array.isArray(names)) return [];
    return names
      .filter((name) => !paths.some((path) => path === name || path.endsWith(`.${name}`)))
      .map((name) => `adapter.${key}: \`${name}\` matches no module`);
  });
}

function countParameters(
  state: StateDict,
  initial: ReadonlyMap<string, tf.Tensor>,
  trained: ReadonlySet<string>,
): LoadedModel['counts'] {
  const trainable = [...initial.values()].reduce((sum, { size }) => sum + size, 0);
  const frozen = [...state.shapes]
    .filter(([name]) => !trained.has(name))
    .reduce((sum, [, shape]) => sum + shape.reduce((product, n) => product * n, 1), 0);
  return { trainable, total: trainable + frozen };
}
