import type { CheckpointWorker } from '../../client/checkpoint-worker';
import type { CheckpointContents, Problem } from '../../shared/checkpoint/contents';
import type { Histogram } from '../../shared/checkpoint/measures';
import type {
  CheckpointHostMessage,
  CheckpointPageMessage,
  FileMessage,
} from '../../shared/checkpoint/messages';
import type { ReaderSource } from '../../shared/checkpoint/reader-messages';
import { isUserError } from '../../shared/errors';
import { HEARTBEAT_MS } from '../../shared/page-messages';
import { PairQueue } from './pair-queue';

export type HistogramRequest = Extract<CheckpointPageMessage, { type: 'histogram' }>;
type Message = CheckpointHostMessage extends infer M
  ? M extends { page: string }
    ? Omit<M, 'page'>
    : never
  : never;

export interface SessionOptions {
  readonly worker: Pick<CheckpointWorker, 'open' | 'measurePair' | 'histogram' | 'bytesRead'>;
  /** What to read now. @throws UserError when it is not to be read */
  source(): Promise<ReaderSource>;
  post(message: CheckpointHostMessage): void;
  isVisible(): boolean;
  /** Of bugs: a user's problems are shown in the page. */
  log(error: unknown): void;
}

/**
 * One editor: what is known of its file and what has been measured, and the page that shows it. The
 * page comes and goes; whatever it missed is in what it gets when it is ready again.
 */
export class CheckpointSession {
  readonly #options: SessionOptions;
  readonly #pairs: PairQueue;
  readonly #heartbeat: NodeJS.Timeout;
  #page: string | undefined;
  #contents: CheckpointContents | undefined;
  #state: FileMessage['state'] = 'reading';
  #problem: Problem | undefined;
  #readAt: number | undefined;
  #version = 0;
  #reading: Promise<void> | undefined;
  #again = false;
  #histogram: { request: HistogramRequest; result: Histogram | Problem } | undefined;
  #counting: { abort: AbortController; done: number; total: number } | undefined;
  #disposed = false;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#pairs = new PairQueue({
      measure: (pair, version, signal) => options.worker.measurePair(pair, version, { signal }),
      results: (version, results) => {
        this.#send({ type: 'results', version, results: [...results] });
        this.#sendFile();
      },
      progress: () => this.#sendWork(),
      problemOf: (error) => this.#problemOf(error),
    });
    this.#heartbeat = setInterval(() => this.#send({ type: 'heartbeat' }), HEARTBEAT_MS);
  }

  /** Reads the headers anew; calls while it reads make it read once more. */
  read(): Promise<void> {
    this.#again = this.#reading !== undefined;
    return (this.#reading ??= this.#readUntilQuiet());
  }

  /** A page has loaded: a second one is another page, the first is gone. */
  ready(page: string): void {
    this.#page = page;
    this.#sendAll();
  }

  visibilityChanged(): void {
    // A hidden page is destroyed; the next one says ready.
    if (!this.#options.isVisible()) this.#page = undefined;
  }

  /** Takes on pairs of that version; their results are posted as they come. */
  measure(version: number, pairs: readonly number[]): void {
    if (version === this.#contents?.version) this.#pairs.add(version, pairs);
  }

  cancel(what: 'pairs' | 'histogram'): void {
    if (what === 'pairs') this.#pairs.cancel();
    else this.#counting?.abort.abort();
  }

  /** Counts one tensor; an earlier count that is still under way is given up. */
  async histogram(request: HistogramRequest): Promise<void> {
    this.#counting?.abort.abort();
    if (request.version !== this.#contents?.version) return;
    const counting = { abort: new AbortController(), done: 0, total: 1 };
    this.#counting = counting;
    this.#histogram = undefined;
    this.#sendWork();
    const progress = (done: number, total: number) => {
      Object.assign(counting, { done, total });
      this.#sendWork();
    };
    const { tensor, bins, version } = request;
    let result: Histogram | Problem;
    try {
      const options = { signal: counting.abort.signal, progress };
      result = await this.#options.worker.histogram({ tensor, bins, version }, options);
    } catch (error) {
      result = this.#problemOf(error);
    }
    if (this.#counting !== counting) return;
    this.#counting = undefined;
    this.#histogram = { request, result };
    this.#sendWork();
    this.#sendHistogram();
    this.#sendFile();
  }

  dispose(): void {
    this.#disposed = true;
    this.#page = undefined;
    clearInterval(this.#heartbeat);
    this.#pairs.cancel();
    this.#counting?.abort.abort();
  }

  async #readUntilQuiet(): Promise<void> {
    do {
      this.#again = false;
      await this.#readOnce();
    } while (this.#again && !this.#disposed);
    this.#reading = undefined;
  }

  async #readOnce(): Promise<void> {
    if (!this.#contents) this.#setState('reading');
    try {
      const source = await this.#options.source();
      const contents = await this.#options.worker.open(source, ++this.#version);
      this.#pairs.reset();
      this.#counting?.abort.abort();
      this.#histogram = undefined;
      this.#contents = contents;
      this.#readAt = Date.now();
      this.#setState('current');
      this.#send({ type: 'contents', contents });
    } catch (error) {
      const problem = this.#problemOf(error);
      const gone = problem.code === 'file-not-found' && this.#contents !== undefined;
      this.#setState(gone ? 'deleted' : this.#contents ? 'changed' : 'failed', problem);
    }
  }

  #setState(state: FileMessage['state'], problem?: Problem): void {
    this.#state = state;
    this.#problem = problem;
    this.#sendFile();
  }

  #sendAll(): void {
    this.#sendFile();
    if (!this.#contents) return;
    this.#send({ type: 'contents', contents: this.#contents });
    const { version } = this.#contents;
    const results = this.#pairs.results();
    if (results.length > 0) this.#send({ type: 'results', version, results });
    this.#sendHistogram();
    this.#sendWork();
  }

  #sendFile(): void {
    this.#send({
      type: 'file',
      state: this.#state,
      bytesRead: this.#options.worker.bytesRead,
      ...(this.#problem && { problem: this.#problem }),
      ...(this.#readAt !== undefined && { readAt: this.#readAt }),
    });
  }

  #sendHistogram(): void {
    if (!this.#histogram) return;
    const { request, result } = this.#histogram;
    const { version, tensor } = request;
    const found = 'counts' in result ? { histogram: result } : { problem: result };
    this.#send({ type: 'histogram', version, tensor, ...found });
  }

  #sendWork(): void {
    const { progress } = this.#pairs;
    const counting = this.#counting;
    this.#send({
      type: 'work',
      ...(progress && { pairs: progress }),
      ...(counting && { histogram: { done: counting.done, total: counting.total } }),
    });
  }

  #send(message: Message): void {
    const page = this.#page;
    if (page === undefined || this.#disposed || !this.#options.isVisible()) return;
    this.#options.post({ ...message, page } as CheckpointHostMessage);
  }

  #problemOf(error: unknown): Problem {
    if (isUserError(error)) return { ...error.toJSON() };
    this.#options.log(error);
    const message = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
    return { code: 'internal', message: `Internal error: ${message}` };
  }
}
