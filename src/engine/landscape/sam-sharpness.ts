import * as tf from '@tensorflow/tfjs-core';
import {
  perturbations,
  type ModuleGeometry,
  type PerturbationOptions,
} from '../algebra/perturbation';
import { zip } from '../algebra/zip';
import type { AdaptedModule, ParameterMap, TrainableModel } from '../adapters/trainable-model';
import type { Batch } from '../data/batch';
import { perturb, perturbationTensor } from '../methods/perturbed-parameters';

export interface SamSharpness {
  /** L(W + δ_all) − L(W): one ascent step of norm ρ over all modules together. */
  readonly all: number;
  /** L(W + δ_l) − L(W), each module alone by a step of norm ρ; empty unless asked for. */
  readonly layers: readonly number[];
}

/**
 * One-step SAM sharpness in the row-space coordinates W + X Q_Aᵀ: A = L Q_Aᵀ, ‖X‖ = s‖E_B A‖, so a
 * step along the gradient of X is the `A_only` perturbation of B. Gauge-invariant.
 * @param geometries at the clean point, gradients of the same batch
 * @param cleanLoss  L(W) of the batch
 */
export async function samSharpness(
  model: TrainableModel,
  parameters: ParameterMap,
  batch: Batch,
  request: {
    readonly geometries: readonly ModuleGeometry[];
    readonly cleanLoss: number;
    readonly rho: number;
    readonly perLayer: boolean;
  },
): Promise<SamSharpness> {
  const { geometries, cleanLoss, rho, perLayer } = request;
  const rise = async (chosen: readonly (readonly [AdaptedModule, Float64Array])[]) =>
    (await lossAt(model, parameters, batch, chosen)) - cleanLoss;

  const joint = perturbations(geometries, rho, ascent('global'));
  const all = await rise(zip(model.modules, joint).map(([module, { e }]) => [module, e]));
  const layers: number[] = [];
  if (perLayer)
    for (const [module, { e }] of zip(
      model.modules,
      perturbations(geometries, rho, ascent('per_layer')),
    ))
      layers.push(await rise([[module, e]]));
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
  chosen: readonly (readonly [AdaptedModule, Float64Array])[],
): Promise<number> {
  const e = new Map(
    chosen.map(([module, values]) => [module.loraB, perturbationTensor(values, module, 'B')]),
  );
  const perturbed = perturb(parameters, e);
  const loss = tf.tidy(() => model.loss(perturbed.parameters, batch));
  const value = (await loss.data())[0] as number;
  loss.dispose();
  perturbed.dispose();
  tf.dispose([...e.values()]);
  return value;
}
