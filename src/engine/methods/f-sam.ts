import * as tf from '@tensorflow/tfjs-core';
import { Moments } from '../optim/state';
import { STATELESS, twoPassStep, type Ascent, type AscentRequest } from './ascent';
import type { Method, MethodContext } from './method';
import { ascentAlong } from './sam';
import { disposeAll, mapTensors } from './tensor-map';

/**
 * F-SAM (arXiv 2403.12350, nblt/F-SAM): d = g − σm with the average m of the steps before, then
 * m ← λm + (1 − λ)g; at the first step d = m = g. ε = ρ d/‖d‖.
 */
export function createFSam(context: MethodContext): Method {
  const { fsam_sigma, fsam_lambda } = context.config;
  const average = new Moments('average');

  async function ascend({ gradient, input }: AscentRequest): Promise<Ascent> {
    const direction = mapTensors(gradient, (g, key) => {
      const m = average.get(key);
      return m ? tf.sub(g, tf.mul(m, fsam_sigma)) : tf.clone(g);
    });
    for (const [key, g] of gradient) {
      const m = average.get(key);
      const next = m
        ? tf.tidy(() => tf.add(tf.mul(m, fsam_lambda), tf.mul(g, 1 - fsam_lambda)))
        : tf.clone(g);
      average.replace(key, next);
    }
    const ascent = await ascentAlong(direction, input.rho);
    disposeAll(direction);
    return ascent;
  }

  return {
    ...STATELESS,
    step: (input) => twoPassStep(context, input, { ascend }),
    saveState: () => average.save(),
    restoreState: (state) => average.restore(state),
    dispose: () => average.dispose(),
  };
}
