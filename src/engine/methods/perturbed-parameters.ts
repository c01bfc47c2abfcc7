import * as tf from '@tensorflow/tfjs-core';
import type { AdaptedModule, ParameterMap } from '../adapters/trainable-model';

/** Key of the factor that carries the perturbation. */
export function targetKey(module: AdaptedModule, target: 'A' | 'B'): string {
  return target === 'B' ? module.loraB : module.loraA;
}

/**
 * The parameters with `perturbation` added, as a map of its own: the clean tensors are not touched,
 * so nothing has to be restored, and nothing can be left perturbed by a failure.
 */
export function perturb(
  parameters: ParameterMap,
  perturbation: ReadonlyMap<string, tf.Tensor>,
): { readonly parameters: ParameterMap; dispose(): void } {
  const sums = new Map(
    [...perturbation].map(([key, e]) => [key, tf.add(parameters.get(key) as tf.Tensor, e)]),
  );
  return {
    parameters: new Map([...parameters].map(([key, value]) => [key, sums.get(key) ?? value])),
    dispose: () => tf.dispose([...sums.values()]),
  };
}
