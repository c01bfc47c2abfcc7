import * as tf from '@tensorflow/tfjs-core';
import type { DropoutStream, ParameterMap, TrainableModel } from '../adapters/trainable-model';
import type { Batch } from '../data/batch';

export interface LossAndGradients {
  /** Mean loss over all rows of all micro-batches. */
  readonly loss: number;
  /** By parameter key; the caller disposes them. */
  readonly gradients: Map<string, tf.Tensor>;
}

/**
 * Loss and gradients over an accumulation cycle. Micro-batches weigh by their rows, so a cycle
 * equals the one large batch it stands for, also when its last part is smaller.
 */
export async function lossAndGradients(
  model: TrainableModel,
  parameters: ParameterMap,
  microBatches: readonly Batch[],
  dropout?: readonly DropoutStream[],
): Promise<LossAndGradients> {
  const rows = microBatches.reduce((sum, batch) => sum + batch.rows, 0);
  let loss = 0;
  let total: Map<string, tf.Tensor> | undefined;
  for (const [i, batch] of microBatches.entries()) {
    const weight = batch.rows / rows;
    const part = gradientsOf(model, parameters, batch, dropout?.[i]);
    loss += weight * ((await part.loss.data())[0] as number);
    part.loss.dispose();
    total = accumulate(total, part.gradients, weight);
  }
  if (!total) throw new Error('a step needs at least one batch');
  return { loss, gradients: total };
}

function gradientsOf(
  model: TrainableModel,
  parameters: ParameterMap,
  batch: Batch,
  dropout: DropoutStream | undefined,
): { loss: tf.Scalar; gradients: Map<string, tf.Tensor> } {
  const keys = [...parameters.keys()];
  const { value, grads } = tf.tidy(() =>
    tf.valueAndGrads((...values: tf.Tensor[]) =>
      model.loss(new Map(keys.map((key, i) => [key, values[i] as tf.Tensor])), batch, dropout),
    )([...parameters.values()]),
  );
  return {
    loss: value as tf.Scalar,
    gradients: new Map(keys.map((key, i) => [key, grads[i] as tf.Tensor])),
  };
}

function accumulate(
  total: Map<string, tf.Tensor> | undefined,
  part: Map<string, tf.Tensor>,
  weight: number,
): Map<string, tf.Tensor> {
  if (!total && weight === 1) return part;
  const sum = new Map<string, tf.Tensor>();
  for (const [key, gradient] of part) {
    const before = total?.get(key);
    sum.set(
      key,
      tf.tidy(() => {
        const weighted = tf.mul(gradient, weight);
        return before ? tf.add(before, weighted) : weighted;
      }),
    );
    gradient.dispose();
    before?.dispose();
  }
  return sum;
}
