import * as z from 'zod';
import { UserError, type UserErrorFields } from '../shared/errors';
import { overrideArgs, spawnEngine, type EngineScript } from './engine-command';
import { onLines } from './json-lines';

/** What a run would need, worked out before anything heavy starts. Every figure is an estimate. */
export const preflightSchema = z.object({
  backend: z
    .object({
      name: z.string(),
      reason: z.string(),
      refused: z.array(z.object({ name: z.string(), reason: z.string() })),
    })
    .describe('The backend that would compute, and why each other one was refused.'),
  architecture: z.string(),
  trainable: z.int().describe('Trained parameters.'),
  total: z.int().describe('All parameters.'),
  modules: z.int().describe('Adapted modules.'),
  memoryBytes: z.number().describe('Estimated peak.'),
  memoryLimit: z.number().describe('What the backend may use.'),
  steps: z.int(),
  trainExamples: z.int(),
  evalExamples: z.int(),
  secondsEstimate: z.number(),
  secondsBasis: z.string().describe('How the seconds were estimated.'),
  warnings: z.array(z.string()),
  runDirectory: z.string().optional().describe('Folder in which the run would be created.'),
});
export type Preflight = z.output<typeof preflightSchema>;

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
/** A line on the standard output of `engine preflight` and `engine inspect-model`. */
export type EngineAnswerLine = z.input<typeof lineSchema>;

const moduleListSchema = z.array(
  z.object({ path: z.string(), kind: z.string(), out: z.int(), in: z.int() }),
);
/** A linear of the model that could be named in `adapter.target_modules`. */
export type InspectedModule = z.output<typeof moduleListSchema>[number];

export interface AskOptions extends EngineScript {
  readonly set?: readonly string[];
  /** Ends the child. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (message: string, fraction?: number) => void;
}

/** @throws UserError: the engine's own, or `engine-start-failed`; the signal's reason when aborted */
export async function preflight(options: AskOptions): Promise<Preflight> {
  return preflightSchema.parse(await askEngine('preflight', options));
}

/** All linears of the model that a config names. Errors as `preflight`. */
export async function inspectModel(options: AskOptions): Promise<readonly InspectedModule[]> {
  return moduleListSchema.parse(await askEngine('inspect-model', options));
}

/** Runs a short-lived engine command and returns the document that it prints last. */
function askEngine(command: string, options: AskOptions): Promise<unknown> {
  options.signal?.throwIfAborted();
  return new Promise((resolve, reject) => {
    const child = spawnEngine(
      options,
      [command, options.configFile, ...overrideArgs(options.set)],
      {
        stdio: ['ignore', 'pipe', 'pipe'],
        detached: false,
      },
    );
    const abort = () => child.kill('SIGKILL');
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
