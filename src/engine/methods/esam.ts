import * as tf from '@tensorflow/tfjs-core';
import type { ParameterMap } from '../adapters/trainable-model';
import type { Batch } from '../data/batch';
import { selectRows } from '../data/select-rows';
import { laterMasks, plainStep, STATELESS } from './ascent';
import { lossAndGradients } from './gradients';
import type { Method, MethodContext, StepInput, StepOutput } from './method';
import { pairMetrics } from './pair-metrics';
import { perturb } from './perturbed-parameters';
import { perturbedKeys } from './perturbed-keys';
import { ascentAlong } from './sam';
import { uniformDraw, type DrawUniform } from './step-random';
import { disposeAll, pickTensors } from './tensor-map';

/**
 * ESAM (arXiv 2110.03141, dydjw9/Efficient_SAM). Stochastic weight perturbation: each tensor is
 * perturbed with probability β, and then by 1/β times ρ g/‖g‖, the norm over those perturbed.
 * Sharpness-sensitive data: the gradient at w + ε is that of the fraction γ of the examples whose
 * loss rises most. Their pass has fewer rows, so its dropout masks are no replay.
 */
export function createEsam(
  context: MethodContext,
  draw: DrawUniform = uniformDraw('esam'),
): Method {
  const { model, config } = context;

  async function step(input: StepInput): Promise<StepOutput> {
    const { parameters, microBatches, dropout, rho, at } = input;
    // Without a perturbation no loss rises, and there is nothing to choose examples by.
    if (rho === 0) return plainStep(context, input);
    const clean = await lossAndGradients(model, parameters, microBatches, dropout);
    const keys = perturbedKeys(model, parameters, config);
    const random = draw(keys.length, at);
    const chosen = keys.filter((_key, i) => (random[i] as number) < config.esam_beta);
    const { e, degenerate } = await ascentAlong(
      pickTensors(clean.gradients, chosen),
      rho / config.esam_beta,
    );
    const perturbed = perturb(parameters, e);
    const masks = laterMasks(config, dropout);
    const before = await eachLoss(parameters, input, dropout);
    const after = await eachLoss(perturbed.parameters, input, masks);
    const rises = after.map((loss, i) => loss - (before[i] as number));
    const parts = steepest(microBatches, rises, config.esam_gamma);
    const second = await lossAndGradients(
      model,
      perturbed.parameters,
      parts.map(({ batch }) => batch),
      masks && parts.map(({ micro }) => masks[micro] as (typeof masks)[number]),
    );
    const point = perturbed.parameters;
    const layers = input.metrics
      ? await pairMetrics(context, { parameters, point, e, second })
      : {};
    perturbed.dispose();
    disposeAll(e, clean.gradients);
    const lossPerturbed = after.reduce((sum, loss) => sum + loss, 0) / after.length;
    return { loss: clean.loss, lossPerturbed, gradients: second.gradients, degenerate, layers };
  }

  /** Loss of every example of the step, in order. */
  async function eachLoss(
    point: ParameterMap,
    { microBatches }: StepInput,
    masks: StepInput['dropout'],
  ): Promise<number[]> {
    const losses: number[] = [];
    for (const [i, batch] of microBatches.entries()) {
      const part = tf.tidy(() => model.exampleLosses(point, batch, masks?.[i]));
      losses.push(...Array.from(await part.data()));
      part.dispose();
    }
    return losses;
  }

  return { ...STATELESS, step };
}

/** The max(1, ⌊γn⌋) examples whose loss rises most, as parts of their micro-batches. */
export function steepest(
  microBatches: readonly Batch[],
  rises: readonly number[],
  gamma: number,
): { readonly batch: Batch; readonly micro: number }[] {
  const count = Math.max(1, Math.floor(gamma * rises.length));
  const order = rises.map((_rise, i) => i);
  order.sort((i, j) => (rises[j] as number) - (rises[i] as number) || i - j);
  const chosen = new Set(order.slice(0, count));
  let first = 0;
  return microBatches.flatMap((batch, micro) => {
    const offset = first;
    first += batch.rows;
    const rows = Array.from({ length: batch.rows }, (_, i) => i).filter((i) =>
      chosen.has(offset + i),
    );
    return rows.length > 0 ? [{ batch: selectRows(batch, rows), micro }] : [];
  });
}
