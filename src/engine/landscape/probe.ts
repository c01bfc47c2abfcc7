import * as tf from '@tensorflow/tfjs-core';
import type { Config } from '../../shared/config/schema';
import type { MeasureValues } from '../../shared/measures';
import type { LayerValues } from '../../shared/quantities';
import type { ParameterMap, TrainableModel } from '../adapters/trainable-model';
import type { Batch } from '../data/batch';
import { lossAndGradients, type LossAndGradients } from '../methods/gradients';
import { layerMetrics } from '../methods/layer-metrics';
import { measureModules, type MeasuredModules } from '../methods/measured-modules';
import { perturbedKeys } from '../methods/perturbed-keys';
import { theorem2, type Theorem2Request } from '../theory/theorem2';
import type { Theorem2Constants } from '../theory/theorem2-bound';
import { shareMeasures } from './gradient-shares';
import { rawSharpness } from './raw-sharpness';
import { samSharpness } from './sam-sharpness';

export interface ProbeRequest extends Pick<Config, 'probe' | 'method'> {
  /** With what Theorem 2 compares the clean perturbation; absent: not measured. */
  readonly theorem2?: Pick<
    Theorem2Request,
    'average' | 'step' | 'rho' | 'constants' | 'sigmaBatches'
  >;
}

export interface ProbeResult {
  /** Loss of the probe batch at the clean weights, evaluation mode. */
  readonly loss: number;
  readonly sharpness?: number;
  readonly rho: number;
  readonly layers: LayerValues;
  readonly measures: MeasureValues;
  /** With `theorem2`: its constants, this probe included. */
  readonly constants?: Theorem2Constants;
}

/** Radius of the measured sharpness: `probe.rho`, else the method's, else 0.05. */
export function probeRho({ probe, method }: Pick<Config, 'probe' | 'method'>): number {
  return probe.rho ?? (method.rho > 0 ? method.rho : 0.05);
}

/**
 * Everything that is measured on the fixed probe batch: evaluation mode, clean weights, none of which
 * it changes. Cost: one gradient, for `sharpness: layers` one forward pass per module plus one, and
 * for Theorem 2 two gradients and one for each of its batches.
 */
export async function probe(
  model: TrainableModel,
  parameters: ParameterMap,
  batch: Batch,
  request: ProbeRequest,
): Promise<ProbeResult> {
  const { method } = request;
  const rho = probeRho(request);
  const clean = await lossAndGradients(model, parameters, [batch]);
  try {
    const { loss, gradients } = clean;
    const measured = await measureModules({
      ...{ modules: model.modules, parameters, gradients },
      // Sharpness is measured along B, and upwards, whatever the method perturbs.
      options: { ...method, perturb_target: 'B', perturb_sign: 'sam' },
    });
    const keys = perturbedKeys(model, parameters, { perturb_head: false });
    const shares = await shareMeasures(model.modules, keys, gradients);
    const sharpness = await sharpnessOf(model, parameters, batch, {
      ...{ request, clean, measured, keys, rho },
    });
    measured.dispose();
    const compared =
      request.theorem2 &&
      (await theorem2(model, parameters, batch, {
        ...{ method, gradients, cleanLoss: loss },
        ...request.theorem2,
      }));
    const points = measured.geometries.map((at) => ({ clean: at, at }));
    return {
      loss,
      rho,
      ...(sharpness && { sharpness: sharpness.all }),
      layers: {
        ...(sharpness && sharpness.layers.length > 0 && { sharpness: sharpness.layers }),
        ...layerMetrics(points, rho, 'B'),
        ...shares.layers,
        ...compared?.layers,
      },
      measures: { ...shares.measures, ...compared?.measures },
      ...(compared && { constants: compared.constants }),
    };
  } finally {
    tf.dispose([...clean.gradients.values()]);
  }
}

interface SharpnessRequest {
  readonly request: ProbeRequest;
  readonly clean: LossAndGradients;
  readonly measured: MeasuredModules;
  readonly keys: readonly string[];
  readonly rho: number;
}

/** In the row space of the pairs; without pairs in the coordinates of what is trained. */
async function sharpnessOf(
  model: TrainableModel,
  parameters: ParameterMap,
  batch: Batch,
  { request, clean, measured, keys, rho }: SharpnessRequest,
): Promise<{ readonly all: number; readonly layers: readonly number[] } | undefined> {
  if (request.probe.sharpness === 'none') return undefined;
  const cleanLoss = clean.loss;
  if (model.modules.length === 0) {
    const { gradients } = clean;
    const all = await rawSharpness(model, parameters, batch, { keys, gradients, cleanLoss, rho });
    return { all, layers: [] };
  }
  return samSharpness(model, parameters, batch, {
    ...{ measured, cleanLoss, rho },
    perLayer: request.probe.sharpness === 'layers',
  });
}
