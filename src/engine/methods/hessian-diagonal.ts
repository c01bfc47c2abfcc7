import * as tf from '@tensorflow/tfjs-core';
import type { TrainableModel } from '../adapters/trainable-model';
import { lossAndGradients } from './gradients';
import type { StepInput } from './method';
import { perturb } from './perturbed-parameters';
import type { DrawUniform } from './step-random';
import { disposeAll, mapTensors, pickTensors } from './tensor-map';

/** ‖h z‖ of the central difference: rounding and truncation are both near 1e-4 of the result. */
const STEP_NORM = 0.1;

/**
 * |z ∘ Hz| of each coordinate, with one Rademacher probe z and Hz from a central difference of two
 * gradients (Hutchinson's estimate of the diagonal, its magnitude). Two more passes.
 */
export async function hessianDiagonal(
  model: TrainableModel,
  { parameters, microBatches, dropout, at }: StepInput,
  keys: readonly string[],
  draw: DrawUniform,
): Promise<ReadonlyMap<string, Float32Array>> {
  const count = keys.reduce((sum, key) => sum + (parameters.get(key) as tf.Tensor).size, 0);
  const random = draw(count, at);
  let next = 0;
  const z = mapTensors(pickTensors(parameters, keys), ({ size, shape }) =>
    tf.tensor(
      Float32Array.from({ length: size }, () => ((random[next++] as number) < 0.5 ? -1 : 1)),
      shape,
    ),
  );
  const h = STEP_NORM / Math.sqrt(count);
  const gradientAt = async (step: number) => {
    const e = mapTensors(z, (value) => tf.mul(value, step));
    const moved = perturb(parameters, e);
    const { gradients } = await lossAndGradients(model, moved.parameters, microBatches, dropout);
    moved.dispose();
    disposeAll(e);
    return gradients;
  };
  const [plus, minus] = [await gradientAt(h), await gradientAt(-h)];
  const result = new Map<string, Float32Array>();
  for (const key of keys) {
    const [p, m] = [plus, minus].map((g) => g.get(key) as tf.Tensor) as [tf.Tensor, tf.Tensor];
    const product = tf.tidy(() => tf.abs(tf.div(tf.sub(p, m), 2 * h)));
    result.set(key, (await product.data()) as Float32Array);
    product.dispose();
  }
  disposeAll(z, plus, minus);
  return result;
}
