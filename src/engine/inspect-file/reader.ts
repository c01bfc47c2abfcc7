import type { CheckpointTensor } from '../../shared/checkpoint/contents';
import {
  readerRequestSchema,
  type ReaderRequest,
  type ReaderResponse,
} from '../../shared/checkpoint/reader-messages';
import { isUserError, UserError } from '../../shared/errors';
import { histogramOf } from './histogram';
import { counted, openCheckpoint, type OpenCheckpoint } from './open-checkpoint';
import { pairQuantities } from './pair-quantities';
import { allValues, valuesOf } from './values';

type Work = Exclude<ReaderRequest, { type: 'cancel' }>;
type Body<T extends ReaderResponse['type']> = Omit<
  Extract<ReaderResponse, { type: T }>,
  'id' | 'bytesRead'
>;
type Answer = Body<'opened'> | Body<'pair'> | Body<'histogram'>;

/** How often a long pass tells how far it is. */
const PROGRESS_MS = 100;

/** Answers `reader-messages.ts` about one checkpoint at a time. Requests run side by side. */
export class CheckpointReader {
  readonly #post: (response: ReaderResponse) => void;
  readonly #running = new Map<number, AbortController>();
  #current: OpenCheckpoint | undefined;

  constructor(post: (response: ReaderResponse) => void) {
    this.#post = post;
  }

  /** @param raw a `ReaderRequest`; anything else is our bug */
  async receive(raw: unknown): Promise<void> {
    const request = readerRequestSchema.parse(raw);
    const { id } = request;
    if (request.type === 'cancel') return this.#running.get(id)?.abort();
    const job = new Job(request, (response) => this.#post(response));
    this.#running.set(id, job.controller);
    try {
      const answer = await this.#answer(request, job);
      this.#post({ ...answer, id, bytesRead: job.bytesRead } as ReaderResponse);
    } catch (error) {
      const { bytesRead } = job;
      this.#post({ type: 'failed', id, bytesRead, problem: problemOf(error) });
    } finally {
      this.#running.delete(id);
    }
  }

  async #answer(request: Work, job: Job): Promise<Answer> {
    switch (request.type) {
      case 'open': {
        const { version, source } = request;
        const opened = await openCheckpoint(source, { version, read: job.read, pause: job.pause });
        this.#current = opened;
        return { type: 'opened', contents: opened.contents };
      }
      case 'measurePair':
        return this.#measurePair(this.#checkpoint(request.version), request.pair, job);
      case 'histogram':
        return this.#histogram(this.#checkpoint(request.version), request, job);
    }
  }

  async #measurePair(checkpoint: OpenCheckpoint, index: number, job: Job): Promise<Answer> {
    const pair = checkpoint.contents.pairs[index];
    if (!pair) throw new Error(`the checkpoint has no pair ${index}`);
    const { rank, inputs, outputs, scale } = pair;
    const [a, b] = await Promise.all(
      [pair.a, pair.b].map((tensor) =>
        withTensor(checkpoint, tensor, job, (source, entry) =>
          allValues(source, entry, () => job.throwIfCancelled()),
        ),
      ),
    );
    if (!a || !b) throw new Error('unreachable: two tensors were read');
    const measures = await pairQuantities(
      {
        loraA: { rows: rank, columns: inputs, values: a },
        loraB: { rows: outputs, columns: rank, values: b },
        scale,
      },
      job.pause,
    );
    return { type: 'pair', measures };
  }

  async #histogram(
    checkpoint: OpenCheckpoint,
    { tensor, bins }: Extract<Work, { type: 'histogram' }>,
    job: Job,
  ): Promise<Answer> {
    const histogram = await withTensor(checkpoint, tensor, job, (source, entry) => {
      let pass = 0;
      const passes = async function* () {
        const before = pass++;
        for await (const chunk of valuesOf(source, entry)) {
          job.progress(before * chunk.total + chunk.done, 2 * chunk.total);
          await job.pause();
          yield chunk;
        }
      };
      return histogramOf(passes, bins);
    });
    return { type: 'histogram', histogram: { tensor, ...histogram } };
  }

  #checkpoint(version: number): OpenCheckpoint {
    const current = this.#current;
    if (current?.contents.version === version) return current;
    throw new UserError({
      code: 'checkpoint-changed',
      message: 'the checkpoint has been read again since',
      remedy: 'Ask again.',
    });
  }
}

/** One request under way. */
class Job {
  readonly controller = new AbortController();
  bytesRead = 0;
  #told = 0;

  constructor(
    private readonly request: Work,
    private readonly post: (response: ReaderResponse) => void,
  ) {}

  readonly read = (bytes: number): void => {
    this.bytesRead += bytes;
  };

  /** Lets messages in, a cancellation among them. */
  readonly pause = async (): Promise<void> => {
    await new Promise((resolve) => setImmediate(resolve));
    this.throwIfCancelled();
  };

  throwIfCancelled(): void {
    if (this.controller.signal.aborted)
      throw new UserError({ code: 'cancelled', message: 'cancelled' });
  }

  progress(done: number, total: number): void {
    const now = Date.now();
    if (now - this.#told < PROGRESS_MS) return;
    this.#told = now;
    this.post({ type: 'progress', id: this.request.id, done, total });
  }
}

/** Opens the tensor's file for `work`; the result counts only if the file stayed the same. */
async function withTensor<T>(
  checkpoint: OpenCheckpoint,
  index: number,
  job: Job,
  work: (
    source: Awaited<ReturnType<OpenCheckpoint['open']>>,
    entry: CheckpointTensor,
  ) => Promise<T>,
): Promise<T> {
  const entry = checkpoint.contents.tensors[index];
  if (!entry) throw new Error(`the checkpoint has no tensor ${index}`);
  const source = counted(await checkpoint.open(entry.file), job.read);
  try {
    const result = await work(source, entry);
    await checkpoint.check(entry.file);
    return result;
  } finally {
    await source.close();
  }
}

function problemOf(error: unknown): Extract<ReaderResponse, { type: 'failed' }>['problem'] {
  if (isUserError(error)) return { ...error.toJSON() };
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { code: 'internal', message };
}
