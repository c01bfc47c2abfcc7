import type * as tf from '@tensorflow/tfjs-core';
import { STATELESS, twoPassStep } from './ascent';
import type { Method, MethodContext } from './method';
import { ascentAlong } from './sam';
import { combine, inner, type TensorMap } from './tensor-map';

/**
 * GSAM (arXiv 2203.08065): SAM's ε, then descend g̃ − α g⊥, where g⊥ is the part of the clean gradient
 * orthogonal to g̃, over everything that is trained. Its ρ_t follows the learning rate.
 */
export function createGsam(context: MethodContext): Method {
  const { gsam_alpha } = context.config;
  return {
    ...STATELESS,
    step: (input) =>
      twoPassStep(context, input, {
        ascend: ({ gradient }) => ascentAlong(gradient, input.rho),
        descend: async (clean, perturbed) =>
          lessAcross(perturbed, { of: clean, weight: gsam_alpha }),
      }),
  };
}

/** h − weight · x⊥, where x⊥ is the part of x orthogonal to h; all tensors as one vector. */
export async function lessAcross(
  h: TensorMap,
  { of: x, weight }: { readonly of: TensorMap; readonly weight: number },
): Promise<Map<string, tf.Tensor>> {
  const square = await inner(h, h);
  const along = square > 0 ? (await inner(x, h)) / square : 0;
  // x⊥ = x − along·h
  return combine([1 + weight * along, h], [-weight, x]);
}
