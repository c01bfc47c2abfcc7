import { UserError } from '../../shared/errors';
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
 * Methods by name, checked against the adapter and with the config's handling of accumulation.
 * They throw UserError `method-needs-lora` for an adapter that they do not work on.
 */
export const METHOD_FACTORIES = Object.fromEntries(
  Object.entries(IMPLEMENTATIONS).map(([name, create]) => [
    name,
    (context: MethodContext) => {
      refuseAdapter(name as MethodName, context);
      const method = create(context);
      const perMicro =
        context.config.accum === 'per_micro' && METHODS[name as MethodName].reads.includes('accum');
      return perMicro ? perMicroBatch(method) : method;
    },
  ]),
) as Readonly<Record<MethodName, MethodFactory>>;

/** Methods whose noise or second pair is added to W, which DoRA then normalises. */
const ADD_TO_W: readonly MethodName[] = ['flat-lora', 'bi-lora'];

function refuseAdapter(name: MethodName, { model, config }: MethodContext): void {
  const { title, needs } = METHODS[name];
  if (needs === 'lora' && model.modules.length === 0)
    throw new UserError({
      code: 'method-needs-lora',
      message: `${title} works on low-rank pairs, and this adapter has none`,
      place: { at: 'method.name' },
      expected: 'adapter.type: lora',
      remedy:
        'Set `adapter.type: lora`, or take a method for any adapter, such as `sam` or `none`.',
    });
  if (name === 'flatpo' && config.flatpo_granularity === 'rank' && model.modules.length === 0)
    throw new UserError({
      code: 'method-needs-lora',
      message: 'rank components are those of low-rank pairs, and this adapter has none',
      place: { at: 'method.flatpo_granularity' },
      found: 'rank',
      remedy: 'Set `adapter.type: lora`, or another `method.flatpo_granularity`.',
    });
  if (ADD_TO_W.includes(name) && model.modules.some(({ magnitude }) => magnitude !== undefined))
    throw new UserError({
      code: 'method-needs-lora',
      message: `${title} adds to W itself, which DoRA normalises`,
      place: { at: 'method.name' },
      expected: 'adapter.use_dora: false',
      remedy: 'Set `adapter.use_dora: false`, or take another method.',
    });
}
