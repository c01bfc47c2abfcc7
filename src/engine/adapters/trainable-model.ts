import type { Scalar, Tensor, Tensor1D, Tensor2D } from '@tensorflow/tfjs-core';
import type { Batch } from '../data/batch';

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
  /** Keys of the fully trained parameters (the head, modules_to_save). */
  readonly headKeys: readonly string[];
  /**
   * Mean loss of the batch, a scalar; differentiable twice in `parameters`.
   * @param dropout masks for training; absent: evaluation mode
   */
  loss(parameters: ParameterMap, batch: Batch, dropout?: DropoutStream): Scalar;
  /**
   * Loss of each example of a batch [rows]; their mean is `loss` where every example has a label.
   * @param dropout as in `loss`
   */
  exampleLosses(parameters: ParameterMap, batch: Batch, dropout?: DropoutStream): Tensor1D;
  /** x·W0ᵀ of an adapted module's frozen weight. @param x [rows, in] @returns [rows, out] */
  frozenProduct(path: string, x: Tensor2D): Tensor2D;
  /** Logits [rows, labels] (classification) or [rows, length, vocabulary] (masked LM). */
  logits(parameters: ParameterMap, batch: Batch): Tensor;
  dispose(): void;
}
