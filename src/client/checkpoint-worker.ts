import { Worker } from 'node:worker_threads';
import {
  readerResponseSchema,
  type ReaderRequest,
  type ReaderResponse,
  type ReaderSource,
} from '../shared/checkpoint/reader-messages';
import { UserError } from '../shared/errors';

type Work = Exclude<ReaderRequest, { type: 'cancel' }>;
type Answer<T extends ReaderResponse['type']> = Extract<ReaderResponse, { type: T }>;
type End = Exclude<ReaderResponse, { type: 'progress' }>;
type WithoutId<T> = T extends unknown ? Omit<T, 'id'> : never;

interface Waiting {
  readonly resolve: (answer: End) => void;
  readonly reject: (error: unknown) => void;
  readonly progress: ((done: number, total: number) => void) | undefined;
}

export interface AskOptions {
  readonly signal?: AbortSignal;
  readonly progress?: (done: number, total: number) => void;
}

/**
 * The thread that reads one checkpoint: it alone opens files and computes. Started with the first
 * request; one that has died is replaced with the next `open`.
 */
export class CheckpointWorker {
  readonly #script: string;
  readonly #waiting = new Map<number, Waiting>();
  #worker: Worker | undefined;
  #nextId = 1;
  #disposed = false;
  /** Bytes that all requests together have read. */
  bytesRead = 0;

  /** @param script path of the bundled `inspect-file/worker.ts` */
  constructor(script: string) {
    this.#script = script;
  }

  /** Reads headers. @throws UserError as `openCheckpoint`, `checkpoint-reader-died` */
  async open(source: ReaderSource, version: number, options: AskOptions = {}) {
    return (await this.#ask<'opened'>({ type: 'open', source, version }, options)).contents;
  }

  /** @throws UserError of the reader, `cancelled`, `checkpoint-reader-died` */
  async measurePair(pair: number, version: number, options: AskOptions = {}) {
    return (await this.#ask<'pair'>({ type: 'measurePair', pair, version }, options)).measures;
  }

  /** @throws as `measurePair` */
  async histogram(
    request: { readonly tensor: number; readonly bins: number; readonly version: number },
    options: AskOptions = {},
  ) {
    return (await this.#ask<'histogram'>({ type: 'histogram', ...request }, options)).histogram;
  }

  /** Ends the thread, whatever it is doing; what waits for it is rejected. */
  dispose(): void {
    this.#disposed = true;
    void this.#worker?.terminate();
    this.#end('the editor was closed');
  }

  async #ask<T extends 'opened' | 'pair' | 'histogram'>(
    work: WithoutId<Work>,
    { signal, progress }: AskOptions,
  ): Promise<Answer<T>> {
    const id = this.#nextId++;
    const worker = this.#running();
    const answer = new Promise<End>((resolve, reject) =>
      this.#waiting.set(id, { resolve, reject, progress }),
    );
    const cancel = () => worker.postMessage({ type: 'cancel', id } satisfies ReaderRequest);
    worker.postMessage({ ...work, id });
    if (signal?.aborted) cancel();
    signal?.addEventListener('abort', cancel, { once: true });
    try {
      const end = await answer;
      this.bytesRead += end.bytesRead;
      if (end.type === 'failed') throw failure(end);
      return end as Answer<T>;
    } finally {
      signal?.removeEventListener('abort', cancel);
      this.#waiting.delete(id);
    }
  }

  #running(): Worker {
    if (this.#disposed) throw died('the editor was closed');
    if (this.#worker) return this.#worker;
    const worker = new Worker(this.#script, { name: 'flatscape-checkpoint', execArgv: [] });
    // An editor must not keep a host alive that is about to end.
    worker.unref();
    worker.on('message', (message: unknown) => this.#take(message));
    worker.on('error', (error) => this.#end(String(error), worker));
    worker.on('exit', (code) => this.#end(`it ended with ${code}`, worker));
    this.#worker = worker;
    return worker;
  }

  #take(message: unknown): void {
    const response = readerResponseSchema.parse(message);
    const waiting = this.#waiting.get(response.id);
    if (response.type === 'progress') waiting?.progress?.(response.done, response.total);
    else waiting?.resolve(response);
  }

  #end(why: string, worker = this.#worker): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    for (const { reject } of this.#waiting.values()) reject(died(why));
    this.#waiting.clear();
  }
}

function died(why: string): UserError {
  return new UserError({
    code: 'checkpoint-reader-died',
    message: 'the thread that reads this file has ended',
    found: why,
    remedy: 'Press Read again; a tensor larger than the free memory cannot be measured.',
  });
}

/** A reader's failure: a `UserError`, or our bug with its stack. */
function failure({ problem }: Answer<'failed'>): Error {
  if (problem.code === 'internal') return new Error(problem.message);
  const { code, message, place, expected, found, remedy } = problem;
  return new UserError({
    code,
    message,
    ...(place && {
      place: {
        ...(place.file !== undefined && { file: place.file }),
        ...(place.line !== undefined && { line: place.line }),
        ...(place.at !== undefined && { at: place.at }),
      },
    }),
    ...(expected !== undefined && { expected }),
    ...(found !== undefined && { found }),
    ...(remedy !== undefined && { remedy }),
  });
}
