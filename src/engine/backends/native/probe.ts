import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as z from 'zod';
import { isNative, type BackendName } from '../../../shared/backends';
import { UserError } from '../../../shared/errors';
import type { Device } from '../backend';
import { repairRemedy } from './installation';
import { deviceSchema, keepVerdict, keptVerdict, type Verdict } from './verdicts';

export type { Verdict } from './verdicts';

export interface ProbeOptions {
  /** Ask again even where a verdict is kept. */
  readonly fresh?: boolean;
  readonly timeoutMs?: number;
  /** The engine bundle; without it, the one beside this code. */
  readonly engineScript?: string;
  /** Folder of installations for the child; without it, this process's. */
  readonly folder?: string;
  /** Ends the child; the verdict is then of no use. */
  readonly signal?: AbortSignal;
}

/** Loading 0.9 GB from a slow disk on a busy machine; `FLATSCAPE_PROBE_SECONDS` says otherwise. */
const TIMEOUT_MS = 90_000;

function timeout(): number {
  const seconds = Number(process.env['FLATSCAPE_PROBE_SECONDS']);
  return seconds > 0 ? 1000 * seconds : TIMEOUT_MS;
}

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
  z.object({
    type: z.literal('probe'),
    ok: z.literal(true),
    memoryBytes: z.number(),
    device: deviceSchema.optional(),
  }),
  z.object({ type: z.literal('probe'), ok: z.literal(false), reason: z.string() }),
]);
export type ProbeAnswer = z.output<typeof probeAnswerSchema>;

type Answer =
  { ok: true; memoryBytes: number; device?: Device | undefined } | { ok: false; reason: string };

function ask(name: BackendName, options: ProbeOptions): Promise<Answer> {
  const script = options.engineScript ?? ownEngine();
  const limit = options.timeoutMs ?? timeout();
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [script, 'probe-backend', name], {
      stdio: ['ignore', 'pipe', 'pipe'],
      windowsHide: true,
      env: {
        ...process.env,
        ELECTRON_RUN_AS_NODE: '1',
        ...(name === 'tensorflow-gpu' && WITH_WARNINGS),
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
    const abort = (): void => void child.kill('SIGKILL');
    options.signal?.addEventListener('abort', abort, { once: true });
    const end = (answer: Answer): void => {
      clearTimeout(timer);
      options.signal?.removeEventListener('abort', abort);
      resolve(answer);
    };
    child.once('error', (error) => end({ ok: false, reason: error.message }));
    child.once('close', (code, signal) => {
      const answer = answerIn(output);
      if (answer) end(answer.ok ? answer : { ...answer, reason: answer.reason + ownWords(log) });
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
    const { type: _, ...rest } = answer.data;
    return rest;
  }
  return undefined;
}

function hung(name: BackendName, limit: number): string {
  return `${name} did not finish its self-test within ${Math.round(limit / 1000)} s. ${remedy(name)}`;
}

/** Which CUDA library is missing is no more than a warning to TensorFlow. */
const WITH_WARNINGS = { TF_CPP_MIN_LOG_LEVEL: process.env['TF_CPP_MIN_LOG_LEVEL'] ?? '1' };

/** What TensorFlow has said of CUDA, without date and source: it says what, we say what to do. */
export function ownWords(log: string): string {
  const lines = log
    .split('\n')
    .filter((line) => /\b(cuda|gpu|dlopen|dso|cudnn|cuinit)/i.test(line))
    .map((line) => /^\s*(?:[\d-]+ [\d:.]+: )?[IWE]\S*(?: .*?\])? (.+)$/.exec(line)?.[1]?.trim())
    .filter((line) => line !== undefined);
  const words = [...new Set(lines)].join(' ').slice(0, 500);
  return words === '' ? '' : ` TensorFlow says: ${words}`;
}

/** What ends a process that loads a damaged or foreign library. */
const SIGNALS: Readonly<Record<string, string>> = {
  SIGBUS: ': one of its files is cut short',
  SIGILL: ': it was built for another processor',
  SIGKILL: ': perhaps for want of memory',
};

function crashed(name: BackendName, how: string, log: string): string {
  // Not the library's greeting (I or W and the date), and not the stack that Node prints on a crash.
  const noise = /^\s*([IW]\d{4} |WARNING: All log|\d+: |-{3,})/;
  const own = log.split('\n').filter((line) => line.trim() && !noise.test(line));
  const last = own.at(-1);
  const meaning = SIGNALS[how] ?? '';
  const detail = last ? `${meaning}, its last words: ${last.slice(0, 300)}` : meaning;
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
