import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BackendName } from '../src/shared/backends';
import { blockSize, type Contender, type TorchOptions } from './contender';
import { MODELS, writeModel, type ModelName } from './models';
import type { LeftOut, SectionId } from './report';
import type { Block } from './rounds';
import type { StepTimes, Subject } from './worker-protocol';

export interface Effort {
  readonly rounds: number;
  /** Length of one block. */
  readonly blockMs: number;
  readonly leakSteps: number;
  readonly dropouts: readonly number[];
}

export const EFFORTS = {
  full: { rounds: 4, blockMs: 900, leakSteps: 1000, dropouts: [0.1, 0] },
  quick: { rounds: 2, blockMs: 400, leakSteps: 100, dropouts: [0.1] },
} satisfies Record<string, Effort>;

/** What every section is given. */
export interface Context {
  readonly effort: Effort;
  readonly sections: ReadonlySet<SectionId>;
  /** Those that work here, fastest first. */
  readonly backends: readonly BackendName[];
  readonly models: readonly ModelName[];
  /** Absent where there is no Python environment. */
  readonly torch?: TorchOptions;
  /** A folder that goes when the benchmark ends. */
  readonly scratch: string;
  /** Path of the engine bundle. */
  readonly engineScript: string;
  progress(message: string): void;
  /** Folder of a model, written when it is first asked for. */
  modelFolder(model: ModelName): Promise<string>;
}

export async function createContext(
  options: Omit<Context, 'scratch' | 'modelFolder'>,
): Promise<Context & { dispose(): Promise<void> }> {
  const scratch = await mkdtemp(join(tmpdir(), 'flatscape-bench-'));
  process.once('exit', () => rmSync(scratch, { recursive: true, force: true }));
  const folders = new Map<ModelName, Promise<string>>();
  return {
    ...options,
    scratch,
    modelFolder: (model) => {
      const known = folders.get(model);
      if (known) return known;
      options.progress(`writing random weights: ${MODELS[model].title}`);
      const folder = join(scratch, model);
      const written = writeModel(folder, MODELS[model]).then(() => folder);
      folders.set(model, written);
      return written;
    },
    dispose: () => rm(scratch, { recursive: true, force: true }),
  };
}

/** An empty folder of its own. */
export async function scratchFolder({ scratch }: Context, name: string): Promise<string> {
  const folder = join(scratch, name);
  await mkdir(folder, { recursive: true });
  return folder;
}

/**
 * The backends that are worth a real model. `cpu` takes a minute for a step: it has the tiny one.
 */
export function fastBackends({ backends }: Context): readonly BackendName[] {
  return backends.filter((name) => name !== 'cpu');
}

/** Steps whose time is not kept: the first ones allocate, and compile what a backend compiles. */
const WARM_UP = 2;

/** Loads a contender, warms it up, and makes a block of steps of it. */
export async function stepBlock(
  contender: Contender,
  subject: Subject,
  { effort }: Context,
): Promise<Block> {
  await contender.ask('load', subject);
  return blockOf(contender, await contender.ask('steps', { count: WARM_UP }), effort);
}

/** The same of one that is loaded, and has taken its first steps. */
export function blockOf(contender: Contender, warmUp: StepTimes, { blockMs }: Effort): Block {
  const count = blockSize(warmUp, blockMs);
  return { name: contender.name, run: async () => (await contender.ask('steps', { count })).ms };
}

/**
 * Starts contenders one after the other. One that cannot be started or loaded is left out, with the
 * reason in the report: the others are still worth measuring.
 */
export async function startAll<T>(
  wanted: readonly { readonly name: string; readonly start: () => Promise<T> }[],
  leftOut: LeftOut[],
): Promise<T[]> {
  const started: T[] = [];
  for (const { name, start } of wanted)
    try {
      started.push(await start());
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      // Once, however many rounds it fails in.
      if (!leftOut.some((known) => known.what === name)) leftOut.push({ what: name, why });
    }
  return started;
}
