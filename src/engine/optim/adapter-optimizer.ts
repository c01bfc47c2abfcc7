import * as tf from '@tensorflow/tfjs-core';
import type { Config } from '../../shared/config/schema';
import type { AdaptedModule, ParameterMap } from '../adapters/trainable-model';
import { createLoraFa } from './lorafa';
import { withLrRatio } from './lr-groups';
import { createOptimizer, type Optimizer } from './optimizer';

/** The optimizer of a run, with what LoRA+ and LoRA-FA change of it. */
export interface AdapterOptimizer extends Optimizer {
  /** The gradients of what is trained; the others are disposed. Comes before clipping. */
  trained(gradients: ReadonlyMap<string, tf.Tensor>): Map<string, tf.Tensor>;
  /** Must be awaited before an update. */
  prepare(parameters: ParameterMap): Promise<void>;
}

/** @param modules those with pairs (A, B); without them both options are without effect */
export function createAdapterOptimizer(
  config: Config['optimizer'],
  modules: readonly AdaptedModule[],
): AdapterOptimizer {
  const create = (): Optimizer => createOptimizer(config);
  const { loraplus_lr_ratio: ratio } = config;
  const inner = ratio === 1 || modules.length === 0 ? create() : withLrRatio(create, ratio);
  const loraFa = config.lorafa ? createLoraFa(modules) : undefined;
  const frozen = new Set(loraFa ? modules.map(({ loraA }) => loraA) : []);
  return {
    get steps() {
      return inner.steps;
    },
    set steps(value) {
      inner.steps = value;
    },
    trained(gradients) {
      for (const [key, gradient] of gradients) if (frozen.has(key)) gradient.dispose();
      return new Map([...gradients].filter(([key]) => !frozen.has(key)));
    },
    prepare: async (parameters) => loraFa?.prepare(parameters),
    update(parameters, gradients, lr) {
      if (!loraFa) return inner.update(parameters, gradients, lr);
      const moving = new Map([...parameters].filter(([key]) => !frozen.has(key)));
      const changed = loraFa.preconditioned(gradients);
      const next = inner.update(moving, changed, lr);
      tf.dispose([...changed.values()]);
      return new Map(
        [...parameters].map(([key, value]) => [key, next.get(key) ?? tf.clone(value)]),
      );
    },
    saveState: () => inner.saveState(),
    restoreState(state, steps) {
      loraFa?.dispose();
      inner.restoreState(state, steps);
    },
    dispose() {
      loraFa?.dispose();
      inner.dispose();
    },
  };
}
