import * as tf from '@tensorflow/tfjs-core';
import { perturbations, type PerturbationOptions } from '../algebra/perturbation';
import type { ParameterMap, TrainableModel } from '../adapters/trainable-model';
import type { Batch } from '../data/batch';
import type { MeasuredModules } from '../methods/measured-modules';
import { perturb } from '../methods/perturbed-parameters';

export interface SamSharpness {
  /** L(W + δ_all) − L(W): one ascent step of norm ρ over all modules together. */
  readonly all: number;
  /** L(W + δ_l) − L(W), each module alone by a step of norm ρ; empty unless asked for. */
  readonly layers: readonly number[];
}

/**
 * One-step SAM sharpness in the row-space coordinates W + X Q_Aᵀ: A = L Q_Aᵀ, ‖X‖ = s‖E_B A‖, so a
 * step along the gradient of X is the `A_only` perturbation of B. Gauge-invariant.
 * @param measured   at the clean point, gradients of the same batch
 * @param cleanLoss  L(W) of the batch
 */
export async function samSharpness(
  model: TrainableModel,
  parameters: ParameterMap,
  batch: Batch,
  request: {
    readonly measured: MeasuredModules;
    readonly cleanLoss: number;
    readonly rho: number;
    readonly perLayer: boolean;
  },
): Promise<SamSharpness> {
  const { measured, cleanLoss, rho, perLayer } = request;
  const rise = async (chosen: ReadonlyMap<string, tf.Tensor>) =>
    (await lossAt(model, parameters, batch, chosen)) - cleanLoss;

  const steps = (scope: PerturbationOptions['rho_scope']) =>
    measured.perturbation(perturbations(measured.geometries, rho, ascent(scope)));
  const joint = steps('global');
  const all = await rise(joint);
  tf.dispose([...joint.values()]);
  if (!perLayer) return { all, layers: [] };
  const alone = steps('per_layer');
  const layers: number[] = [];
  for (const [key, e] of alone) layers.push(await rise(new Map([[key, e]])));
  tf.dispose([...alone.values()]);
  return { all, layers };
}

function ascent(rho_scope: PerturbationOptions['rho_scope']): PerturbationOptions {
  return {
    grad_estimator: 'A_only',
    radius_correction: 'none',
    rho_scope,
    perturb_target: 'B',
    tau_a: 1e-6,
    tau_b: 1e-4,
  };
}

async function lossAt(
  model: TrainableModel,
  parameters: ParameterMap,
  batch: Batch,
  chosen: ReadonlyMap<string, tf.Tensor>,
): Promise<number> {
  const perturbed = perturb(parameters, chosen);
  const loss = tf.tidy(() => model.loss(perturbed.parameters, batch));
  const value = (await loss.data())[0] as number;
  loss.dispose();
  perturbed.dispose();
  return value;
}
