import * as tf from '@tensorflow/tfjs-core';
import type { Config } from '../../shared/config/schema';
import type { MeasureValues } from '../../shared/measures';
import type { LayerValues } from '../../shared/quantities';
import type { ParameterMap, TrainableModel } from '../adapters/trainable-model';
import { perturbations } from '../algebra/perturbation';
import { norm, type Values } from '../algebra/small-matrix';
import { cosine, differences, length } from '../algebra/vectors';
import { zip } from '../algebra/zip';
import type { Batch } from '../data/batch';
import { lossAndGradients } from '../methods/gradients';
import { measureModules } from '../methods/measured-modules';
import { perturb, targetKey } from '../methods/perturbed-parameters';
import { readAll } from '../methods/read-tensors';
import { rescaled } from '../methods/rescaled';
import { theorem2Bound, type Theorem2Constants } from './theorem2-bound';

export interface Theorem2Request {
  readonly method: Config['method'];
  /** At the clean weights, of the same batch. */
  readonly gradients: ReadonlyMap<string, tf.Tensor>;
  readonly cleanLoss: number;
  /** Ê_{t−1} by key of the perturbed factor, which the next step t would apply. */
  readonly average: ReadonlyMap<string, { readonly values: Float32Array }>;
  /** t, from 1, and ρ_t. */
  readonly step: number;
  readonly rho: number;
  readonly constants: Theorem2Constants;
  /** Training batches for σ; none: not measured. */
  readonly sigmaBatches: readonly Batch[];
}

export interface Theorem2Result {
  readonly measures: MeasureValues;
  readonly layers: LayerValues;
  readonly constants: Theorem2Constants;
}

/**
 * Theorem 2 of arXiv 2508.00522 at one probe: how far the sharpness at the moving average Ê_{t−1}
 * is from that at the perturbation E^SAM of the clean gradient. One batch, evaluation mode, clean
 * weights w; all norms in the coordinates of the perturbed factor, all modules as one vector.
 */
export async function theorem2(
  model: TrainableModel,
  parameters: ParameterMap,
  batch: Batch,
  request: Theorem2Request,
): Promise<Theorem2Result> {
  const { method, gradients, cleanLoss, step, rho, sigmaBatches } = request;
  const { modules } = model;
  const keys = modules.map((module) => targetKey(module, method.perturb_target));
  const measured = await measureModules({ modules, parameters, gradients, options: method });
  const eSam = measured.perturbation(perturbations(measured.geometries, rho, method));
  measured.dispose();
  const eEma = await appliedAverage(model, parameters, request);
  const [sam, ema] = [await readAll(eSam, keys), await readAll(eEma, keys)];
  const clean = await readAll(gradients, keys);

  const atPoint = async (e: ReadonlyMap<string, tf.Tensor>) => {
    const perturbed = perturb(parameters, e);
    const there = await lossAndGradients(model, perturbed.parameters, [batch]);
    perturbed.dispose();
    const gradient = await readAll(there.gradients, keys);
    tf.dispose([...e.values(), ...there.gradients.values()]);
    return { rise: there.loss - cleanLoss, gradient };
  };
  const [atEma, atSam] = [await atPoint(eEma), await atPoint(eSam)];

  const [lengthEma, lengthSam] = [length(ema), length(sam)];
  const before = request.constants;
  const slope = (gradient: readonly Values[], distance: number): number =>
    distance > 0 ? length(differences(gradient, clean)) / distance : 0;
  const constants: Theorem2Constants = {
    gradientNorm: Math.max(before.gradientNorm, length(clean)),
    smoothness: Math.max(
      before.smoothness,
      slope(atEma.gradient, lengthEma),
      slope(atSam.gradient, lengthSam),
    ),
    deviation: Math.max(
      before.deviation,
      sigmaBatches.length > 0 ? await gradientDeviation(model, parameters, sigmaBatches, keys) : 0,
    ),
    rho0: Math.max(before.rho0, Math.sqrt(step) * lengthSam),
  };
  return {
    constants,
    layers: {
      perturbationCosine: zip(ema, sam).map(([a, b]) => cosine([a], [b])),
      perturbationRatio: zip(ema, sam).map(([a, b]) => norm(a) / norm(b)),
    },
    measures: {
      theorem2Ema: atEma.rise,
      theorem2Sam: atSam.rise,
      theorem2Difference: Math.abs(atEma.rise - atSam.rise),
      theorem2Cosine: cosine(ema, sam),
      theorem2NormRatio: lengthEma / lengthSam,
      theorem2Posterior:
        Math.max(length(atEma.gradient), length(atSam.gradient)) * length(differences(ema, sam)),
      theorem2Bound: theorem2Bound(constants, step, method),
      theorem2G: constants.gradientNorm,
      theorem2Tau: constants.smoothness,
      theorem2Sigma: constants.deviation > 0 ? constants.deviation : NaN,
      theorem2Rho0: constants.rho0,
    },
  };
}

/** Ê as it would be applied: as it is, or rescaled to radius ρ_t with today's factors. */
async function appliedAverage(
  { modules }: TrainableModel,
  parameters: ParameterMap,
  { average, method, rho }: Theorem2Request,
): Promise<Map<string, tf.Tensor>> {
  const target = method.perturb_target;
  const stored = new Map(
    modules.map((module) => {
      const key = targetKey(module, target);
      const values = average.get(key)?.values;
      if (!values) throw new Error(`the average has no ${key}`);
      return [key, tf.tensor(values, (parameters.get(key) as tf.Tensor).shape)];
    }),
  );
  if (!method.ema_renormalize) return stored;
  const scaled = await rescaled(stored, { modules, parameters, target, rho });
  tf.dispose([...stored.values()]);
  return scaled;
}

/** √mean‖g_b − ḡ‖² over batches, at clean weights in evaluation mode. */
async function gradientDeviation(
  model: TrainableModel,
  parameters: ParameterMap,
  batches: readonly Batch[],
  keys: readonly string[],
): Promise<number> {
  const all: (readonly Values[])[] = [];
  for (const batch of batches) {
    const { gradients } = await lossAndGradients(model, parameters, [batch]);
    all.push(await readAll(gradients, keys));
    tf.dispose([...gradients.values()]);
  }
  const mean = keys.map((_key, k) =>
    Float64Array.from(
      all[0]?.[k] ?? [],
      (_v, i) => all.reduce((sum, g) => sum + (g[k]?.[i] ?? NaN), 0) / all.length,
    ),
  );
  const squares = all.map((g) => length(differences(g, mean)) ** 2);
  return Math.sqrt(squares.reduce((sum, value) => sum + value, 0) / all.length);
}
