import type { Tensor } from '@tensorflow/tfjs-core';
import type { Config } from '../../shared/config/schema';
import type { LayerValues } from '../../shared/quantities';
import type { DropoutStream, ParameterMap, TrainableModel } from '../adapters/trainable-model';
import type { Batch } from '../data/batch';

export interface StepInput {
  /** Clean weights; a method reads them and never changes them. */
  readonly parameters: ParameterMap;
  readonly microBatches: readonly Batch[];
  /** Masks of micro-batch i; absent in evaluation mode and without dropout. */
  readonly dropout?: readonly DropoutStream[];
  /** rho_t. */
  readonly rho: number;
  /** Whether to work out the per-layer quantities. */
  readonly metrics: boolean;
  /** Where in the run this step is; whatever a method draws or schedules is a function of it. */
  readonly at: StepPoint;
}

export interface StepPoint {
  /** 1-based. */
  readonly step: number;
  readonly totalSteps: number;
  /** Learning rate η_t of this step. */
  readonly lr: number;
  /** `train.seed`. */
  readonly seed: number;
}

export interface StepOutput {
  /** Mean loss where the first gradient of the step was taken. */
  readonly loss: number;
  /** Methods of two passes: mean loss of the same batch at the perturbed weights. */
  readonly lossPerturbed?: number;
  /** Update gradient by parameter key, unclipped; the caller disposes it. */
  readonly gradients: ReadonlyMap<string, Tensor>;
  /**
   * Factors by parameter key that multiply the clean weights before the optimizer's update, as a
   * decoupled decay does.
   */
  readonly factors?: ReadonlyMap<string, number>;
  /** Modules, or tensors where those are perturbed, whose perturbation was 0 or not finite. */
  readonly degenerate: number;
  /** One value per module; empty unless asked for. */
  readonly layers: LayerValues;
}

/** A training method: turns weights and a batch into an update gradient. */
export interface Method {
  step(input: StepInput): Promise<StepOutput>;
  /** What a checkpoint must keep, by name; host values, float32. */
  saveState(): Promise<ReadonlyMap<string, { shape: number[]; values: Float32Array }>>;
  restoreState(state: ReadonlyMap<string, { shape: number[]; values: Float32Array }>): void;
  dispose(): void;
}

export interface MethodContext {
  readonly model: TrainableModel;
  readonly config: Config['method'];
}

export type MethodFactory = (context: MethodContext) => Method;
