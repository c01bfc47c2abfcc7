import { METHODS, type MethodName } from '../../shared/methods';
import { createAsam } from './asam';
import { createBiLora } from './bi-lora';
import { createEfmlora } from './efmlora';
import { createEsam } from './esam';
import { createFSam } from './f-sam';
import { createFlatLora } from './flat-lora';
import { createFlatpo } from './flatpo';
import { createFmlora } from './fmlora';
import { createGam } from './gam';
import { createGsam } from './gsam';
import { createLooksam } from './looksam';
import type { MethodContext, MethodFactory } from './method';
import { createNbar } from './nbar';
import { createObar } from './obar';
import { perMicroBatch } from './per-micro';
import { createPlain } from './plain';
import { createSam } from './sam';

/** The implementation of every method that the config knows; the compiler keeps the two in step. */
const IMPLEMENTATIONS: Readonly<Record<MethodName, MethodFactory>> = {
  none: createPlain,
  lora: createPlain,
  sam: createSam,
  obar: createObar,
  nbar: createNbar,
  'flat-lora': createFlatLora,
  fmlora: createFmlora,
  efmlora: createEfmlora,
  flatpo: createFlatpo,
  asam: createAsam,
  'f-sam': createFSam,
  gsam: createGsam,
  looksam: createLooksam,
  gam: createGam,
  esam: createEsam,
  'bi-lora': createBiLora,
};

/**
 * Methods by name, with the config's handling of accumulation. For an adapter that
 * `runs/check-combination.ts` lets them work on.
 */
export const METHOD_FACTORIES = Object.fromEntries(
  Object.entries(IMPLEMENTATIONS).map(([name, create]) => [
    name,
    (context: MethodContext) => {
      const method = create(context);
      const perMicro =
        context.config.accum === 'per_micro' && METHODS[name as MethodName].reads.includes('accum');
      return perMicro ? perMicroBatch(method) : method;
    },
  ]),
) as Readonly<Record<MethodName, MethodFactory>>;
