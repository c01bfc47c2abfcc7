import * as tf from '@tensorflow/tfjs-core';
import type { ParameterMap } from '../adapters/trainable-model';
import type { Optimizer } from './optimizer';

/**
 * The next parameters: a method's factors multiply the clean weights first, decoupled from the
 * gradient as weight decay is; then the optimizer updates. The tensors given stay the caller's.
 */
export function updated(
  optimizer: Optimizer,
  {
    parameters,
    factors,
  }: {
    readonly parameters: ParameterMap;
    readonly factors: ReadonlyMap<string, number> | undefined;
  },
  gradients: ReadonlyMap<string, tf.Tensor>,
  lr: number,
): Map<string, tf.Tensor> {
  if (!factors) return optimizer.update(parameters, gradients, lr);
  const scaled = new Map(
    [...parameters].map(([key, value]) => [key, tf.mul(value, factors.get(key) ?? 1)]),
  );
  const next = optimizer.update(scaled, gradients, lr);
  tf.dispose([...scaled.values()]);
  return next;
}
