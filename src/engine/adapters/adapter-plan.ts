import type * as tf from '@tensorflow/tfjs-core';
import type { Config } from '../../shared/config/schema';
import type { FlatscapeAdapter } from '../formats/flatscape-adapter';
import type { ModelDirectory } from '../formats/model-directory';
import type { PeftAdapter } from '../formats/peft-adapter';
import type { AdapterConfig } from '../formats/peft-config';
import type { WritableTensor } from '../formats/safetensors-write';
import type { ModelSpec } from '../models/architecture';
import type { Bottleneck } from '../ops/bottleneck';
import type { FrozenTable } from '../ops/embedding';
import type { AdaptedModule, ParameterMap } from './trainable-model';

/** An adapter as it lies on disk, in PEFT's format or, where PEFT has none, in ours. */
export type SavedAdapter = PeftAdapter | FlatscapeAdapter;

/** What one kind of adapter does to one model. Made anew for each model that is loaded. */
export interface AdapterPlan {
  /** State-dict names of what is trained in full. */
  readonly trained: ReadonlySet<string>;
  /** Linears with a low-rank pair, by module path, in the order of the model. */
  readonly adapted: ReadonlyMap<string, AdaptedModule>;
  /** Bottleneck layers by the path of their sublayer's norm. */
  readonly bottlenecks: ReadonlyMap<string, Bottleneck>;
  readonly loraDropout: number;
  /** The adapter in PEFT's terms, ready to be saved; `undefined` where PEFT has no such adapter. */
  readonly peft: AdapterConfig | undefined;
  /** Fresh values of the tensors that the adapter adds to the model. */
  start(seed: number): AdapterStart;
  /**
   * The values of a saved adapter of this form, by parameter key.
   * @throws UserError `adapter-mismatch`, `adapter-unsupported`, `adapter-shape`, `adapter-key-…`
   */
  stored(saved: SavedAdapter): Map<string, tf.Tensor>;
  store(model: StoreContext): AdapterStore;
}

export interface AdapterStart {
  /**
   * Called once with the weight [out, in] of each linear that is not trained in full.
   * @returns what stays frozen: the weight itself, or what a decomposition leaves of it
   */
  adopt(path: string, weight: Float32Array): Float32Array;
  /** Values by parameter key, once all weights were seen; the caller disposes them. */
  initial(): Map<string, tf.Tensor>;
}

/** What a checkpoint is written from, besides the parameters. */
export interface StoreContext {
  readonly spec: ModelSpec;
  /** May be closed. */
  readonly directory: Pick<ModelDirectory, 'config' | 'tokenizerFiles'>;
  readonly labels: readonly string[];
  readonly tables: ReadonlyMap<string, FrozenTable>;
}

/** Writes the trained parameters into a checkpoint folder, and reads them back to go on. */
export interface AdapterStore {
  /** @throws UserError `disk-full`, `write-failed` */
  save(dir: string, checkpoint: CheckpointContent): Promise<void>;
  /**
   * @param like the parameters whose keys and shapes are wanted
   * @throws UserError `tensor-missing`, `tensor-shape`, and those of `openSafetensors`
   */
  restore(dir: string, like: ParameterMap): Promise<ParameterMap>;
}

export interface CheckpointContent {
  /** By parameter key. */
  readonly tensors: readonly WritableTensor[];
  /** Markdown for the model card. */
  readonly card: string;
  /** `model.name_or_path` of the config. */
  readonly base: string;
}

/** Makes the plan of one kind of adapter from a config's settings. */
export type AdapterFactory = (settings: Config['adapter'], spec: ModelSpec) => AdapterPlan;
