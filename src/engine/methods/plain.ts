import { plainStep, STATELESS } from './ascent';
import type { Method, MethodContext } from './method';

/** `none`, and `lora` as its name for pairs (Eq. 6): the gradient at the clean weights. */
export function createPlain(context: MethodContext): Method {
  return { ...STATELESS, step: (input) => plainStep(context, input) };
}
