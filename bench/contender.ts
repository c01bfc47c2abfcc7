import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import type { BackendName } from '../src/shared/backends';
import type { StepTimes, Versions, WorkerCalls } from './worker-protocol';

/** A process that measures when it is asked to, and is idle in between. */
export interface Contender {
  readonly name: string;
  readonly versions: Versions;
  ask<K extends keyof WorkerCalls>(
    call: K,
    ask: WorkerCalls[K]['ask'],
  ): Promise<WorkerCalls[K]['answer']>;
  close(): Promise<void>;
}

/** Of one request; the slowest is a block of steps of a large model on a slow backend. */
const TIMEOUT_MS = 300_000;

/** @throws Error when the backend does not start, with its words */
export function startEngine(name: string, backend: BackendName): Promise<Contender> {
  const script = join(import.meta.dirname, 'bench-worker.js');
  return startContender(name, { command: [process.execPath, script], start: { backend } });
}

export interface TorchOptions {
  readonly python: string;
  readonly device: 'cpu' | 'cuda';
  readonly threads: number;
}

/** @throws Error when torch, or its device, is not there, with its words */
export function startTorch(
  name: string,
  { python, device, threads }: TorchOptions,
): Promise<Contender> {
  const script = join(import.meta.dirname, '../../../bench/torch_worker.py');
  return startContender(name, { command: [python, script], start: { device, threads } });
}

interface ContenderOptions {
  readonly command: readonly [string, ...string[]];
  /** What `start` is asked. */
  readonly start: object;
}

async function startContender(
  name: string,
  { command, start }: ContenderOptions,
): Promise<Contender> {
  const [program, ...args] = command;
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'], windowsHide: true });
  running.add(child);
  let log = '';
  child.stderr.on('data', (data: Buffer) => (log = (log + data.toString('utf8')).slice(-3000)));
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('close', (code, signal) =>
      resolve(`ended with ${signal ?? `exit code ${code}`}: ${log.trim()}`),
    );
  });
  void ended.then(() => running.delete(child));
  const replies = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  let id = 0;

  async function ask(call: string, content: object): Promise<unknown> {
    id += 1;
    child.stdin.write(`${JSON.stringify({ id, call, ask: content })}\n`);
    const reply = await Promise.race([
      replyTo(replies, id),
      ended.then((how): Reply => ({ id, error: how })),
      timeout().then((): Reply => ({
        id,
        error: `no answer to ${call} in ${TIMEOUT_MS / 1000} s`,
      })),
    ]);
    if (reply.error !== undefined) {
      child.kill('SIGKILL');
      throw new Error(`${name}: ${reply.error}`);
    }
    return reply.answer;
  }

  child.stdin.on('error', () => undefined); // `ended` says why
  const versions = (await ask('start', start)) as Versions;
  return {
    name,
    versions,
    ask: ask as Contender['ask'],
    close: async () => {
      child.stdin.end();
      await ended;
    },
  };
}

const running = new Set<ChildProcess>();

/** To be called when the benchmark ends early. */
export function killContenders(): void {
  for (const child of running) child.kill('SIGKILL');
}

interface Reply {
  readonly id: number;
  readonly answer?: unknown;
  readonly error?: string;
}

/** Libraries may print lines of their own. */
async function replyTo(lines: AsyncIterator<string>, id: number): Promise<Reply> {
  for (;;) {
    const { value, done } = await lines.next();
    if (done) return new Promise(() => undefined); // `ended` says why
    if (!value.startsWith('{"id"')) continue;
    const reply = JSON.parse(value) as Reply;
    if (reply.id === id) return reply;
  }
}

function timeout(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, TIMEOUT_MS).unref());
}

/** Steps of a contender for one block, so that it takes about that long. */
export function blockSize(warmUp: StepTimes, blockMs: number): number {
  const step = Math.min(...warmUp.ms);
  return Math.max(1, Math.min(50, Math.round(blockMs / step)));
}
