import * as tf from '@tensorflow/tfjs-core';
import { Moments } from '../optim/state';
import { plainStep, STATELESS, twoPassStep } from './ascent';
import type { Method, MethodContext, StepInput, StepOutput } from './method';
import { ascentAlong } from './sam';
import { disposeAll, innerProducts, mapTensors, type TensorMap } from './tensor-map';

/**
 * LookSAM (arXiv 2203.02714), each tensor by itself as in the published code. On the steps 1, k + 1,
 * 2k + 1, … it descends g_s = g̃ and keeps g_v, the part of g_s orthogonal to the clean gradient g;
 * on the others it descends g + α (‖g‖/‖g_v‖) g_v.
 */
export function createLooksam(context: MethodContext): Method {
  const { looksam_k, looksam_alpha } = context.config;
  const across = new Moments('g_v');

  /** g_s − proj_g(g_s) of each tensor, kept; g_s is what is descended. */
  async function look(clean: TensorMap, perturbed: TensorMap): Promise<Map<string, tf.Tensor>> {
    const squares = await innerProducts(clean, clean);
    const along = await innerProducts(perturbed, clean);
    for (const [key, gs] of perturbed) {
      const square = squares.get(key) as number;
      const share = square > 0 ? (along.get(key) as number) / square : 0;
      across.replace(
        key,
        tf.tidy(() => tf.sub(gs, tf.mul(clean.get(key) as tf.Tensor, share))),
      );
    }
    return mapTensors(perturbed, (gs) => tf.clone(gs));
  }

  async function reuse(input: StepInput): Promise<StepOutput> {
    const output = await plainStep(context, input);
    const { gradients } = output;
    const kept = new Map(
      [...gradients.keys()].flatMap((key) => {
        const gv = across.get(key);
        return gv ? [[key, gv] as const] : [];
      }),
    );
    // Before the first look, or where ρ_t was 0, there is nothing to use again.
    if (kept.size < gradients.size || input.rho === 0) return output;
    const g2 = await innerProducts(gradients, gradients);
    const v2 = await innerProducts(kept, kept);
    const together = mapTensors(gradients, (g, key) => {
      const [g2k, v2k] = [g2.get(key) as number, v2.get(key) as number];
      if (!(v2k > 0)) return tf.clone(g);
      return tf.add(g, tf.mul(kept.get(key) as tf.Tensor, looksam_alpha * Math.sqrt(g2k / v2k)));
    });
    disposeAll(gradients);
    return { ...output, gradients: together };
  }

  return {
    ...STATELESS,
    step: (input) =>
      (input.at.step - 1) % looksam_k === 0
        ? twoPassStep(context, input, {
            ascend: ({ gradient }) => ascentAlong(gradient, input.rho),
            descend: look,
          })
        : reuse(input),
    saveState: () => across.save(),
    restoreState: (state) => across.restore(state),
    dispose: () => across.dispose(),
  };
}
