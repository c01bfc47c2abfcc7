import type * as tf from '@tensorflow/tfjs-core';
import type { LayerValues } from '../../shared/quantities';
import type { Method, StepInput, StepOutput } from './method';
import { combine, disposeAll } from './tensor-map';

/**
 * `accum: per_micro`, m-sharpness: each micro-batch of an accumulation cycle gets a perturbation of
 * its own, and the update is the mean of what they give, by rows. For methods without state.
 * Per-layer quantities are those of the first micro-batch.
 */
export function perMicroBatch(method: Method): Method {
  async function step(input: StepInput): Promise<StepOutput> {
    const { microBatches, dropout } = input;
    if (microBatches.length === 1) return method.step(input);
    const rows = microBatches.reduce((sum, batch) => sum + batch.rows, 0);
    let [loss, lossPerturbed, degenerate] = [0, 0, 0];
    let layers: LayerValues = {};
    let gradients: Map<string, tf.Tensor> | undefined;
    for (const [i, batch] of microBatches.entries()) {
      const weight = batch.rows / rows;
      const masks = dropout?.[i];
      const part = await method.step({
        ...input,
        microBatches: [batch],
        ...(masks && { dropout: [masks] }),
        metrics: input.metrics && i === 0,
      });
      if (i === 0) layers = part.layers;
      loss += weight * part.loss;
      lossPerturbed += weight * (part.lossPerturbed ?? part.loss);
      degenerate = Math.max(degenerate, part.degenerate);
      const before = gradients;
      gradients = before
        ? combine([1, before], [weight, part.gradients])
        : combine([weight, part.gradients]);
      disposeAll(part.gradients, before ?? new Map());
    }
    if (!gradients) throw new Error('a step needs at least one batch');
    return { loss, lossPerturbed, gradients, degenerate, layers };
  }
  return { ...method, step };
}
