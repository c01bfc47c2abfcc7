import type { MethodName } from '../../shared/methods';
import { createEfmlora } from './efmlora';
import { createFmlora } from './fmlora';
import { createLora } from './lora';
import type { MethodFactory } from './method';

/** The implementation of every method that the config knows; the compiler keeps the two in step. */
export const METHOD_FACTORIES: Readonly<Record<MethodName, MethodFactory>> = {
  lora: createLora,
  fmlora: createFmlora,
  efmlora: createEfmlora,
};
