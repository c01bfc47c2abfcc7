import { fork, type ChildProcess } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { once } from 'node:events';
import { loadavg } from 'node:os';
import { dirname, join } from 'node:path';
import * as z from 'zod';
import { writeFileAtomic } from '../../src/engine/formats/atomic-file';
import { interleave } from '../rounds';
import type { Task } from './plan';
import { readRecord } from './record';

/** To a contestant's process, one at a time. */
export type TimeRequest =
  | { readonly do: 'load'; readonly configFile: string }
  | { readonly do: 'steps'; readonly count: number }
  | { readonly do: 'memory' };

export type TimeAnswer =
  { readonly backend: string } | { readonly ms: readonly number[] } | { readonly peak: number };

/** Step times and peak memory of all contestants on one task. */
export const timesSchema = z.strictObject({
  backend: z.string(),
  /** Of the machine, before the first process started. */
  loadBefore: z.number(),
  rounds: z.number(),
  stepsPerBlock: z.number(),
  contestants: z.record(
    z.string(),
    z.strictObject({
      /** Milliseconds by round. */
      ms: z.array(z.array(z.number())),
      /** Highest resident memory while stepping, in bytes. */
      peak: z.number(),
    }),
  ),
});
export type Times = z.infer<typeof timesSchema>;

const ROUNDS = 4;
const STEPS_PER_BLOCK = 5;
/** Not kept: the first steps allocate, and compile what a backend compiles. */
const WARM_UP = 2;

/**
 * Steps of all contestants in turn, each in a process of its own with the config of one of its runs.
 * @param configFiles by contestant
 */
export async function timeTask(
  { name }: Task,
  configFiles: ReadonlyMap<string, string>,
  { folder, progress }: { folder: string; progress(message: string): void },
): Promise<void> {
  const loadBefore = loadavg()[0] ?? 0;
  const workers = new Map<string, Worker>();
  let backend = '';
  try {
    for (const [contestant, configFile] of configFiles) {
      progress(`${name}: loading ${contestant}`);
      const worker = startWorker();
      workers.set(contestant, worker);
      ({ backend } = (await worker.ask({ do: 'load', configFile })) as { backend: string });
      await worker.ask({ do: 'steps', count: WARM_UP });
    }
    const blocks = [...workers].map(([contestant, { ask }]) => ({
      name: contestant,
      run: async () =>
        ((await ask({ do: 'steps', count: STEPS_PER_BLOCK })) as { ms: number[] }).ms,
    }));
    const samples = await interleave(blocks, ROUNDS, (round) =>
      progress(`${name}: round ${round} of ${ROUNDS}`),
    );
    const contestants: Times['contestants'] = {};
    for (const [contestant, { ask }] of workers) {
      const { peak } = (await ask({ do: 'memory' })) as { peak: number };
      contestants[contestant] = { ms: (samples.get(contestant) ?? []).map((ms) => [...ms]), peak };
    }
    const times: Times = {
      ...{ backend, loadBefore, rounds: ROUNDS, stepsPerBlock: STEPS_PER_BLOCK, contestants },
    };
    await mkdir(dirname(timesFile(folder, name)), { recursive: true });
    await writeFileAtomic(timesFile(folder, name), `${JSON.stringify(times)}\n`);
  } finally {
    for (const { child } of workers.values()) child.kill('SIGKILL');
  }
}

/** What `timeTask` wrote; undefined where it has not yet. */
export function readTimes(folder: string, task: string): Promise<Times | undefined> {
  return readRecord(timesFile(folder, task), timesSchema);
}

function timesFile(folder: string, task: string): string {
  return join(folder, task, 'times.json');
}

interface Worker {
  readonly child: ChildProcess;
  ask(request: TimeRequest): Promise<TimeAnswer>;
}

function startWorker(): Worker {
  const script = join(import.meta.dirname, 'results-time-worker.js');
  const child = fork(script, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  const ended = once(child, 'exit').then(([code]) => ({ error: `ended with ${String(code)}` }));
  return {
    child,
    ask: async (request) => {
      const answered = once(child, 'message') as Promise<[TimeAnswer | { error: string }]>;
      child.send(request);
      const answer = await Promise.race([answered.then(([found]) => found), ended]);
      if ('error' in answer) throw new Error(answer.error);
      return answer;
    },
  };
}
