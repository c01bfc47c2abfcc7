import * as tf from '@tensorflow/tfjs-core';
import { NO_ASCENT, STATELESS, twoPassStep, type Ascent } from './ascent';
import type { Method, MethodContext } from './method';
import { innerProducts, total, type TensorMap } from './tensor-map';

/**
 * SAM (arXiv 2010.01412, Eqs. 2-5 of arXiv 2508.00522) in the trained coordinates: ε = ρ g/‖g‖, then
 * the gradient at w + ε. On pairs this is LoRA-SAM (arXiv 2410.14802), one ball for all A and B; with
 * `ball: separate` each tensor has a ball of its own (Eq. 7).
 */
export function createSam(context: MethodContext): Method {
  const { ball } = context.config;
  return {
    ...STATELESS,
    step: (input) =>
      twoPassStep(context, input, {
        ascend: ({ gradient }) => ascentAlong(gradient, input.rho, ball),
      }),
  };
}

/** ε of norm ρ along a direction: jointly, or for each tensor. No direction, no ε. */
export async function ascentAlong(
  direction: TensorMap,
  rho: number,
  ball: 'joint' | 'separate' = 'joint',
): Promise<Ascent> {
  const squares = await innerProducts(direction, direction);
  const joint = Math.sqrt(total(squares));
  const e = new Map<string, tf.Tensor>();
  let degenerate = 0;
  for (const [key, d] of direction) {
    const norm = ball === 'joint' ? joint : Math.sqrt(squares.get(key) as number);
    if (norm > 0 && Number.isFinite(norm)) e.set(key, tf.mul(d, rho / norm));
    else degenerate += 1;
  }
  return e.size === 0 ? { ...NO_ASCENT, degenerate } : { e, degenerate };
}
