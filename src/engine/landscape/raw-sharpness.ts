import * as tf from '@tensorflow/tfjs-core';
import type { ParameterMap, TrainableModel } from '../adapters/trainable-model';
import type { Batch } from '../data/batch';
import { perturb } from '../methods/perturbed-parameters';

/**
 * One-step SAM sharpness in the coordinates of what is trained: L(w + ρ g/‖g‖) − L(w). For adapters
 * without pairs; of pairs it would depend on their gauge.
 * @param keys of what is perturbed
 * @param gradients at the clean point, of the same batch
 */
export async function rawSharpness(
  model: TrainableModel,
  parameters: ParameterMap,
  batch: Batch,
  request: {
    readonly keys: readonly string[];
    readonly gradients: ReadonlyMap<string, tf.Tensor>;
    readonly cleanLoss: number;
    readonly rho: number;
  },
): Promise<number> {
  const { keys, gradients, cleanLoss, rho } = request;
  const chosen = keys.map((key) => gradients.get(key) as tf.Tensor);
  const squares = tf.tidy(() => tf.stack(chosen.map((g) => tf.sum(tf.square(g)))));
  const norm = Math.hypot(...Array.from((await squares.data()) as Float32Array, Math.sqrt));
  squares.dispose();
  if (!(norm > 0)) return 0;
  const e = new Map(keys.map((key, i) => [key, tf.mul(chosen[i] as tf.Tensor, rho / norm)]));
  const perturbed = perturb(parameters, e);
  const loss = tf.tidy(() => model.loss(perturbed.parameters, batch));
  const value = (await loss.data())[0] as number;
  tf.dispose([loss, ...e.values()]);
  perturbed.dispose();
  return value - cleanLoss;
}
