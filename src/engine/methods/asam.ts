import * as tf from '@tensorflow/tfjs-core';
import { NO_ASCENT, STATELESS, twoPassStep, type Ascent, type AscentRequest } from './ascent';
import type { Method, MethodContext } from './method';
import { disposeAll, mapTensors, normOf } from './tensor-map';

/**
 * ASAM (arXiv 2102.11600, SamsungLabs/ASAM): ε = ρ T²g/‖Tg‖ with T = |w| + η on tensors that are named
 * a weight and the identity on others, so that ε follows a rescaling of w. With η = 0 this is the
 * adaptive SAM ρ w²g/‖|w|g‖.
 */
export function createAsam(context: MethodContext): Method {
  const { asam_eta } = context.config;
  return {
    ...STATELESS,
    step: (input) =>
      twoPassStep(context, input, { ascend: (request) => adaptiveAscent(request, asam_eta) }),
  };
}

async function adaptiveAscent(
  { weights, gradient, input }: AscentRequest,
  eta: number,
): Promise<Ascent> {
  const scale = (key: string, g: tf.Tensor): tf.Tensor => {
    if (!key.includes('weight')) return g;
    return tf.mul(g, tf.add(tf.abs(weights.get(key) as tf.Tensor), eta));
  };
  const scaled = mapTensors(gradient, (g, key) => scale(key, g));
  const norm = await normOf(scaled);
  if (!(norm > 0) || !Number.isFinite(norm)) {
    disposeAll(scaled);
    return NO_ASCENT;
  }
  const e = mapTensors(scaled, (tg, key) => tf.mul(scale(key, tg), input.rho / norm));
  disposeAll(scaled);
  return { e, degenerate: 0 };
}
