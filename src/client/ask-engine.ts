import * as z from 'zod';
import { UserError, type UserErrorFields } from '../shared/errors';
import { spawnEngine, type EngineProgram } from './engine-command';
import { onLines } from './json-lines';

const lineSchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('progress'),
    message: z.string(),
    fraction: z.number().optional(),
  }),
  z.object({ type: z.literal('result'), result: z.unknown() }),
  z.object({
    type: z.literal('error'),
    error: z.object({ code: z.string(), message: z.string() }).loose(),
  }),
]);
/** A line on the standard output of an engine command that answers. */
export type EngineAnswerLine = z.input<typeof lineSchema>;

export interface EngineQuestion extends EngineProgram {
  /** Ends the child. */
  readonly signal?: AbortSignal;
  /** What ends it; without it, SIGKILL. One that has children of its own needs time to end them. */
  readonly cancelWith?: NodeJS.Signals;
  readonly onProgress?: (message: string, fraction?: number) => void;
}

/** Runs a short-lived engine command and returns the document that it prints last. */
export function askEngine(args: readonly string[], options: EngineQuestion): Promise<unknown> {
  options.signal?.throwIfAborted();
  return new Promise((resolve, reject) => {
    const child = spawnEngine(options, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: false,
    });
    const abort = () => child.kill(options.cancelWith ?? 'SIGKILL');
    options.signal?.addEventListener('abort', abort, { once: true });
    let answer: { result: unknown } | undefined;
    let error: Error | undefined;
    let log = '';
    child.stderr?.on('data', (data: Buffer) => (log = (log + data.toString('utf8')).slice(-4000)));
    if (child.stdout) onLines(child.stdout, (text) => takeLine(text));
    child.once('error', (cause) => (error = startFailed(cause.message)));
    child.once('close', (code) => {
      options.signal?.removeEventListener('abort', abort);
      if (options.signal?.aborted) return reject(options.signal.reason as Error);
      if (error) return reject(error);
      if (answer) return resolve(answer.result);
      reject(startFailed(log.trim() || `exit code ${code}`));
    });

    function takeLine(text: string): void {
      const line = lineSchema.safeParse(safeJson(text));
      if (!line.success) log = `${log}${text}\n`.slice(-4000);
      else if (line.data.type === 'progress')
        options.onProgress?.(line.data.message, line.data.fraction);
      else if (line.data.type === 'result') answer = { result: line.data.result };
      else error = new UserError(line.data.error as UserErrorFields);
    }
  });
}

function startFailed(found: string): UserError {
  return new UserError({
    code: 'engine-start-failed',
    message: 'the engine process ended without an answer',
    found,
    remedy: 'If it names the executable, check the setting that chooses Node.',
  });
}

function safeJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
