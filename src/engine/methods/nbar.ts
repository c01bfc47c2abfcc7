import { createBar } from './bar';
import type { Method, MethodContext } from './method';

/**
 * nBAR (arXiv 2410.14802): if ‖g_B‖ ≥ ‖g_A‖ then B ← (1 + α_t η_t) B, A ← (1 − α_t η_t) A, else
 * reversed; g before clipping.
 */
export function createNbar(context: MethodContext): Method {
  return createBar(context, 'gradients', (a, b) => b >= a);
}
