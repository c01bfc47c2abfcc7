import type * as tf from '@tensorflow/tfjs-core';
import type { Batch } from '../data/batch';
import type { Dropout } from '../ops/dropout';
import type { EmbeddingTable } from '../ops/embedding';

export type Head = 'classification' | 'masked-lm';

/** A linear layer. `path` is PEFT's module path and, but for ties, its prefix in the state dict. */
export interface LinearSpec {
  readonly path: string;
  readonly in: number;
  readonly out: number;
  /** State-dict names of W [out, in] and the bias [out]. */
  readonly weight: string;
  readonly bias: string;
  /** The classification head or the output embedding, which PEFT's `all-linear` leaves out. */
  readonly isOutput: boolean;
}

/** A layer norm; its tensors are `path`.weight and `path`.bias [size]. */
export interface NormSpec {
  readonly path: string;
  readonly size: number;
}

/** A frozen embedding table [entries, width]; its tensor is `path`.weight. */
export interface TableSpec {
  readonly path: string;
  readonly entries: number;
  readonly width: number;
}

/** A sublayer that ends in `residualNorm`: where bottleneck layers can sit. */
export interface SublayerSpec {
  /** Module path, e.g. `bert.encoder.layer.0.attention.output`. */
  readonly path: string;
  readonly kind: 'attention' | 'ffn';
  /** Path of the norm of its residual sum. */
  readonly norm: string;
}

/** What a forward pass is given: the parts of the model, whether frozen, adapted or trained. */
export interface Network {
  /** @param x [rows, in] @returns [rows, out] */
  linear(path: string, x: tf.Tensor2D): tf.Tensor2D;
  /** @param x [rows, size] */
  norm(path: string, x: tf.Tensor2D): tf.Tensor2D;
  /**
   * The norm of base + dropout(y), dropout with probability `p` in training.
   * @param base [rows, size]
   * @param y [rows, size]
   */
  residualNorm(path: string, base: tf.Tensor2D, y: tf.Tensor2D, p: number): tf.Tensor2D;
  table(path: string): EmbeddingTable;
  /** What the next dropout with probability `p` drops; in evaluation nothing. */
  drop(p: number): Dropout | undefined;
  /** Inverted dropout with probability `p` in training, `x` itself in evaluation. */
  dropout<T extends tf.Tensor>(x: T, p: number): T;
}

/** Hidden states between two blocks, from which a pass in evaluation mode can go on. */
export interface Prefix {
  /** Blocks that have been passed: the first one that is left, or the number of all. */
  readonly depth: number;
  /** [rows·length, d], or after the last block of a classifier [rows, d] of the first tokens. */
  readonly hidden: tf.Tensor2D;
}

/** One model with one head, as its config describes it: its parts, and how they are wired. */
export interface ModelSpec {
  /** transformers' class, e.g. `BertForSequenceClassification`. */
  readonly className: string;
  readonly modelType: string;
  readonly linears: readonly LinearSpec[];
  readonly norms: readonly NormSpec[];
  readonly tables: readonly TableSpec[];
  readonly sublayers: readonly SublayerSpec[];
  /** ε of every layer norm. */
  readonly epsilon: number;
  /** Standard deviation of a weight that the checkpoint does not have. */
  readonly initializerRange: number;
  /** Longest sequence. */
  readonly maxLength: number;
  readonly vocabSize: number;
  /** Modules that a checkpoint may lack; they then start at random. */
  readonly mayBeMissing: readonly string[];
  /** The module that is trained in full with a classifier's adapter. */
  readonly headPath: string | undefined;
  /**
   * The state-dict name of a tensor of the file; `undefined` if the model does without it on
   * purpose (a head of another task, a buffer, a tied copy).
   */
  stateName(fileName: string): string | undefined;
  /**
   * The block that a module lies in. 0 for what comes before all blocks too; the number of blocks
   * for what comes after them.
   */
  depthOf(path: string): number;
  /** What the embeddings and the first `depth` blocks make of the batch: the `hidden` of a prefix. */
  prefix(net: Network, batch: Batch, depth: number): tf.Tensor2D;
  /**
   * @param from where to go on, in evaluation mode; absent: from the tokens
   * @returns [rows, labels], or [rows, length, vocabulary] for masked language modelling
   */
  logits(net: Network, batch: Batch, from?: Prefix): tf.Tensor;
  /**
   * Mean cross-entropy over rows, or over the positions that have a label.
   * @param from as for `logits`
   */
  loss(net: Network, batch: Batch, from?: Prefix): tf.Scalar;
}

export interface SpecOptions {
  readonly config: Readonly<Record<string, unknown>>;
  /** `config.json`, for messages. */
  readonly file: string;
  readonly head: Head;
  /** Number of classes; ignored without a classification head. */
  readonly labels: number;
}

/** A model family: one file each, one line in the registry. */
export interface Architecture {
  /** `model_type` in config.json. */
  readonly modelType: string;
  /** @throws UserError `model-config-invalid`, `model-unsupported` */
  spec(options: SpecOptions): ModelSpec;
}
