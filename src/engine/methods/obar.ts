import { createBar } from './bar';
import type { Method, MethodContext } from './method';

/** oBAR (arXiv 2410.14802): if ‖B‖ ≥ ‖A‖ then B ← (1 − α_t η_t) B, A ← (1 + α_t η_t) A, else reversed. */
export function createObar(context: MethodContext): Method {
  return createBar(context, 'weights', (a, b) => b < a);
}
