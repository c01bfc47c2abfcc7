import type { Tensor } from '@tensorflow/tfjs-core';
import type { Config } from '../../shared/config/schema';
import type { ParameterMap } from '../adapters/trainable-model';
import { createAdamw } from './adamw';
import { createSgd } from './sgd';

/** Host values of one tensor, as a checkpoint keeps them. */
export type StateTensors = ReadonlyMap<string, { shape: number[]; values: Float32Array }>;

export interface Optimizer {
  /**
   * The next parameters, as new tensors; the old ones and the gradients stay the caller's.
   * @param lr learning rate η of this step
   */
  update(
    parameters: ParameterMap,
    gradients: ReadonlyMap<string, Tensor>,
    lr: number,
  ): Map<string, Tensor>;
  /** Updates so far; AdamW's bias correction depends on it. */
  steps: number;
  saveState(): Promise<StateTensors>;
  restoreState(state: StateTensors, steps: number): void;
  dispose(): void;
}

const FACTORIES = { adamw: createAdamw, sgd: createSgd } satisfies Record<
  Config['optimizer']['name'],
  (config: Config['optimizer']) => Optimizer
>;

export function createOptimizer(config: Config['optimizer']): Optimizer {
  return FACTORIES[config.name](config);
}
