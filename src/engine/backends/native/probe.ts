import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as z from 'zod';
import { isNative, type BackendName } from '../../../shared/backends';
import { UserError } from '../../../shared/errors';
import { repairRemedy } from './installation';
import { keepVerdict, keptVerdict, type Verdict } from './verdicts';

export type { Verdict } from './verdicts';

export interface ProbeOptions {
  /** Ask again even where a verdict is kept. */
  readonly fresh?: boolean;
  readonly timeoutMs?: number;
  /** The engine bundle; without it, the one beside this code. */
  readonly engineScript?: string;
  /** Folder of installations for the child; without it, this process's. */
  readonly folder?: string;
}

/** Loading 0.9 GB from a slow disk on a busy machine. */
const TIMEOUT_MS = 90_000;

/**
 * Starts a backend in a throw-away process and proves it there: a step with known loss, gradients
 * and second derivatives. Whatever the backend does to that process costs nothing else.
 */
export async function probeBackend(
  name: BackendName,
  options: ProbeOptions = {},
): Promise<Verdict> {
  // Another folder is one that is still being installed.
  const keeps = options.folder === undefined;
  const kept = keeps && !options.fresh ? await keptVerdict(name) : undefined;
  if (kept) return kept;
  const started = performance.now();
  const answer = await ask(name, options);
  const verdict = {
    ...answer,
    milliseconds: Math.round(performance.now() - started),
    checkedAt: Date.now(),
  };
  if (keeps) await keepVerdict(name, verdict);
  return verdict;
}

/** The line that the child prints; the rest of its output is the library's. */
export const probeAnswerSchema = z.discriminatedUnion('ok', [
  z.object({ type: z.literal('probe'), ok: z.literal(true), memoryBytes: z.number() }),
  z.object({ type: z.literal('probe'), ok: z.literal(false), reason: z.string() }),
]);
export type ProbeAnswer = z.output<typeof probeAnswerSchema>;

type Answer = { ok: true; memoryBytes: number } | { ok: false; reason: string };

function ask(name: BackendName, options: ProbeOptions): Promise<Answer> {
  const script = options.engineScript ?? ownEngine();
  const limit = options.timeoutMs ?? TIMEOUT_MS;
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [script, 'probe-backend', name], {
      stdio: ['ignore', 'pipe', 'pipe'],
      windowsHide: true,
      env: {
        ...process.env,
        ELECTRON_RUN_AS_NODE: '1',
        ...(options.folder !== undefined && { FLATSCAPE_BACKENDS: options.folder }),
      },
    });
    let output = '';
    let log = '';
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      child.kill('SIGKILL');
    }, limit);
    child.stdout.on('data', (data: Buffer) => (output += data.toString('utf8')));
    child.stderr.on('data', (data: Buffer) => (log = (log + data.toString('utf8')).slice(-4000)));
    const end = (answer: Answer): void => {
      clearTimeout(timer);
      resolve(answer);
    };
    child.once('error', (error) => end({ ok: false, reason: error.message }));
    child.once('close', (code, signal) => {
      const answer = answerIn(output);
      if (answer) end(answer);
      else if (late) end({ ok: false, reason: hung(name, limit) });
      else end({ ok: false, reason: crashed(name, signal ?? `exit code ${code}`, log) });
    });
  });
}

function answerIn(output: string): Answer | undefined {
  for (const line of output.split('\n')) {
    if (!line.startsWith('{')) continue;
    const answer = probeAnswerSchema.safeParse(JSON.parse(line));
    if (!answer.success) continue;
    const { data } = answer;
    return data.ok
      ? { ok: true, memoryBytes: data.memoryBytes }
      : { ok: false, reason: data.reason };
  }
  return undefined;
}

function hung(name: BackendName, limit: number): string {
  return `${name} did not finish its self-test within ${Math.round(limit / 1000)} s. ${remedy(name)}`;
}

function crashed(name: BackendName, how: string, log: string): string {
  // Not the library's greeting (I or W and the date), and not the stack that Node prints on a crash.
  const noise = /^\s*([IW]\d{4} |WARNING: All log|\d+: |-{3,})/;
  const own = log.split('\n').filter((line) => line.trim() && !noise.test(line));
  const last = own.at(-1);
  const detail = last ? `, its last words: ${last.slice(0, 300)}` : '';
  return `${name} ended its process in the self-test (${how}${detail}). ${remedy(name)}`;
}

function remedy(name: BackendName): string {
  return isNative(name) ? repairRemedy(name) : 'Use another backend.';
}

/** The bundles of the engine and of the command lie in one folder. */
function ownEngine(): string {
  const script = join(dirname(fileURLToPath(import.meta.url)), 'engine.js');
  if (existsSync(script)) return script;
  throw new UserError({
    code: 'engine-not-built',
    message: 'the engine, which would test the backend, is not built',
    place: { file: script },
    remedy: 'Run `npm run build`.',
  });
}
