import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { BackendName } from '../../src/shared/backends';
import { blockOf, scratchFolder, startAll, type Context } from '../context';
import { startEngine, startTorch, type Contender, type TorchOptions } from '../contender';
import { DEFAULT_ADAPTER, MODELS, type ModelName } from '../models';
import type { LeftOut } from '../report';
import { interleave, type Block } from '../rounds';
import type { MemoryUse, Subject } from '../worker-protocol';

export const ATTENTION = ['eager', 'sdpa'] as const;

/** Both compute in float32, in another order. */
export const SAME_LOSS = 1e-5;

/** After AdamW has divided by the square root of gradients that differ by rounding. */
export const SAME_LATER_LOSS = 1e-3;

/** Also the warm-up. */
const COMPARED_STEPS = 3;

type Samples = ReadonlyMap<string, readonly (readonly number[])[]>;

/** One model with one dropout, everybody in the same rounds. */
export interface Race {
  readonly model: ModelName;
  readonly dropout: number;
  readonly samples: Samples;
  readonly memory: ReadonlyMap<string, MemoryUse>;
  /** Largest relative difference of the first batch's loss, and of the first steps' losses. */
  readonly lossDifference?: { readonly first: number; readonly later: number };
}

export interface RaceOptions {
  readonly model: ModelName;
  readonly dropout: number;
  readonly names: readonly BackendName[];
  readonly torch: TorchOptions | undefined;
}

/** Starts everybody on one model, sees that they compute the same, and lets them take turns. */
export async function race(
  context: Context,
  { model, dropout, names, torch }: RaceOptions,
  leftOut: LeftOut[],
): Promise<Race> {
  const title = `${MODELS[model].title}, dropout ${dropout}`;
  const subject: Subject = {
    ...{ folder: await context.modelFolder(model), dropout },
    ...{ method: 'lora', stepMetrics: false, adapter: DEFAULT_ADAPTER },
  };
  const adapterFolder = await scratchFolder(context, `adapter-${model}`);
  const load = async (contender: Contender, attention?: string): Promise<Runner> => {
    await contender.ask('load', { ...subject, ...(attention && { attention, adapterFolder }) });
    const { loss } = await contender.ask('loss', {});
    // The starting adapter, for PyTorch to begin from the same one.
    if (!attention && !existsSync(join(adapterFolder, 'adapter_config.json')))
      await contender.ask('save', { folder: adapterFolder });
    const warmUp = await contender.ask('steps', { count: COMPARED_STEPS });
    const losses = [loss, ...warmUp.losses];
    return { contender, losses, block: blockOf(contender, warmUp, context.effort) };
  };
  const wanted = [
    ...names.map((name) => ({ name, start: async () => load(await startEngine(name, name)) })),
    ...(torch
      ? ATTENTION.map((attention) => {
          const name = `PyTorch + PEFT, ${attention}`;
          return { name, start: async () => load(await startTorch(name, torch), attention) };
        })
      : []),
  ].map(({ name, start }) => ({
    name: `${name} on ${title}`,
    start: () => {
      context.progress(`${title}: loading ${name}`);
      return start();
    },
  }));
  const runners = await startAll(wanted, leftOut);
  const lossDifference = compareLosses(runners, dropout);
  const samples = await interleave(
    runners.map(({ block }) => block),
    context.effort.rounds,
    (round) => context.progress(`${title}: round ${round} of ${context.effort.rounds}`),
  );
  const memory = new Map<string, MemoryUse>();
  for (const { contender } of runners) {
    memory.set(contender.name, await contender.ask('memory', {}));
    await contender.close();
  }
  return { model, dropout, samples, memory, ...(lossDifference && { lossDifference }) };
}

interface Runner {
  readonly contender: Contender;
  readonly block: Block;
  /** Of the first batch before the first step, then of the first steps. */
  readonly losses: readonly number[];
}

/**
 * That everybody computes the same is checked before anybody's time counts.
 * @throws Error when they do not
 */
function compareLosses(runners: readonly Runner[], dropout: number): Race['lossDifference'] {
  const [reference, ...others] = runners;
  if (!reference || others.length === 0) return undefined;
  const difference = (i: number): number =>
    Math.max(...others.map(({ losses }) => relative(losses[i] ?? NaN, reference.losses[i] ?? NaN)));
  const first = difference(0);
  // With dropout every random generator goes its own way.
  const later =
    dropout > 0 ? 0 : Math.max(...reference.losses.slice(1).map((_, i) => difference(i + 1)));
  if (first <= SAME_LOSS && later <= SAME_LATER_LOSS) return { first, later };
  const all = runners.map(({ contender, losses }) => `${contender.name}: ${losses.join(', ')}`);
  throw new Error(`the contenders do not compute the same losses\n${all.join('\n')}`);
}

function relative(a: number, b: number): number {
  return Math.abs(a - b) / Math.abs(b);
}

export function isTorch(name: string): boolean {
  return name.startsWith('PyTorch');
}
