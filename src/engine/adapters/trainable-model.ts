import type { Scalar, Tensor, Tensor1D, Tensor2D } from '@tensorflow/tfjs-core';
import type { Batch } from '../data/batch';
import type { Prefix } from '../models/architecture';

/**
 * Values of the trainable parameters by PEFT key, e.g.
 * `base_model.model.bert.encoder.layer.0.attention.self.query.lora_A.weight`. Tensors are replaced,
 * never written into, so a perturbed point is simply another map and the clean one cannot be harmed.
 */
export type ParameterMap = ReadonlyMap<string, Tensor>;

/** A frozen linear with a low-rank update s·B·A. */
export interface AdaptedModule {
  /** PEFT's module path, e.g. `bert.encoder.layer.0.attention.self.query`. */
  readonly path: string;
  readonly out: number;
  readonly in: number;
  readonly rank: number;
  /** s = α/r, or α/√r. */
  readonly scaling: number;
  /** Keys of A [r, in] and B [out, r] in a `ParameterMap`. */
  readonly loraA: string;
  readonly loraB: string;
  /** DoRA: key of the magnitudes m [out]. */
  readonly magnitude?: string;
}

/** A linear layer of weight [out, in], by PEFT's module path. */
export type LinearShape = Pick<AdaptedModule, 'path' | 'out' | 'in'>;

/**
 * Source of dropout masks for one forward pass. Two passes with an equal seed draw equal masks, in
 * the order in which the model asks for them.
 */
export interface DropoutStream {
  readonly seed: number;
}

/**
 * A frozen model with trainable parameters, as a pure function of them. Everything that trains or
 * measures (methods, landscape, theory) sees a model only through this.
 */
export interface TrainableModel {
  readonly modules: readonly AdaptedModule[];
  /** Every linear, frozen, adapted or trained. */
  readonly linears: readonly LinearShape[];
  /** Keys of the fully trained parameters (the head, modules_to_save). */
  readonly headKeys: readonly string[];
  /**
   * Mean loss of the batch, a scalar; differentiable twice in `parameters`.
   * @param dropout masks for training; absent: evaluation mode
   * @param from    where to go on, in evaluation mode; the same to the last bit as the whole pass
   *                where no parameter below `from.depth` differs from those of the prefix
   */
  loss(parameters: ParameterMap, batch: Batch, dropout?: DropoutStream, from?: Prefix): Scalar;
  /**
   * Loss of each example of a batch [rows]; their mean is `loss` where every example has a label.
   * @param dropout as in `loss`
   * @param from    as in `loss`
   */
  exampleLosses(
    parameters: ParameterMap,
    batch: Batch,
    dropout?: DropoutStream,
    from?: Prefix,
  ): Tensor1D;
  /** x·W0ᵀ of the frozen weight of a linear, adapted or not. @param x [rows, in] @returns [rows, out] */
  frozenProduct(path: string, x: Tensor2D): Tensor2D;
  /** Logits [rows, labels] (classification) or [rows, length, vocabulary] (masked LM). */
  logits(parameters: ParameterMap, batch: Batch, from?: Prefix): Tensor;
  /**
   * How many blocks a pass goes through before it reads a parameter: the largest depth of a prefix
   * that does not depend on it. 0 for the embeddings, the number of blocks for the head.
   * @param key of a `ParameterMap`
   */
  depthOf(key: string): number;
  /**
   * Hidden states after the first `depth` blocks, evaluation mode.
   * @param depth at least 1: what comes before the blocks may have parameters, too
   */
  prefix(parameters: ParameterMap, batch: Batch, depth: number): Tensor2D;
  dispose(): void;
}
