import * as tf from '@tensorflow/tfjs-core';
import type { Config } from '../../shared/config/schema';
import type { LayerValues } from '../../shared/quantities';
import type { ParameterMap, TrainableModel } from '../adapters/trainable-model';
import type { Batch } from '../data/batch';
import { lossAndGradients } from '../methods/gradients';
import { layerMetrics } from '../methods/layer-metrics';
import { measureModules } from '../methods/measured-modules';
import { samSharpness } from './sam-sharpness';

export interface ProbeResult {
  /** Loss of the probe batch at the clean weights, evaluation mode. */
  readonly loss: number;
  readonly sharpness?: number;
  readonly rho: number;
  readonly layers: LayerValues;
}

/** Radius of the measured sharpness: `probe.rho`, else the method's, else 0.05. */
export function probeRho({ probe, method }: Pick<Config, 'probe' | 'method'>): number {
  return probe.rho ?? (method.rho > 0 ? method.rho : 0.05);
}

/**
 * Everything that is measured on the fixed probe batch: evaluation mode, clean weights, none of which
 * it changes. Cost: one gradient, and for `sharpness: layers` one forward pass per module plus one.
 */
export async function probe(
  model: TrainableModel,
  parameters: ParameterMap,
  batch: Batch,
  config: Pick<Config, 'probe' | 'method'>,
): Promise<ProbeResult> {
  const rho = probeRho(config);
  const { loss, gradients } = await lossAndGradients(model, parameters, [batch]);
  const measured = await measureModules({
    modules: model.modules,
    parameters,
    gradients,
    // Sharpness is measured along B whatever the method perturbs.
    options: { ...config.method, perturb_target: 'B' },
  });
  tf.dispose([...gradients.values()]);
  const layers = layerMetrics(
    measured.geometries.map((at) => ({ clean: at, at })),
    rho,
    'B',
  );
  if (config.probe.sharpness === 'none') {
    measured.dispose();
    return { loss, rho, layers };
  }
  const sharpness = await samSharpness(model, parameters, batch, {
    measured,
    cleanLoss: loss,
    rho,
    perLayer: config.probe.sharpness === 'layers',
  });
  measured.dispose();
  return {
    loss,
    rho,
    sharpness: sharpness.all,
    layers: sharpness.layers.length > 0 ? { sharpness: sharpness.layers, ...layers } : layers,
  };
}
