import type { Problem } from '../../shared/checkpoint/contents';
import type { PairMeasures, PairResult } from '../../shared/checkpoint/measures';
import type { Progress } from '../../shared/checkpoint/messages';

export interface PairQueueOptions {
  measure(pair: number, version: number, signal: AbortSignal): Promise<PairMeasures>;
  /** New results, at most ten times a second. */
  results(version: number, results: readonly PairResult[]): void;
  progress(): void;
  problemOf(error: unknown): Problem;
}

const BATCH_MS = 100;

/** Measures pairs one after the other, each once per version of the file. */
export class PairQueue {
  readonly #options: PairQueueOptions;
  readonly #results = new Map<number, PairResult>();
  #waiting: number[] = [];
  #done = 0;
  #abort: AbortController | undefined;

  constructor(options: PairQueueOptions) {
    this.#options = options;
  }

  /** Absent while nothing is being measured. */
  get progress(): Progress | undefined {
    return this.#abort && { done: this.#done, total: this.#done + this.#waiting.length };
  }

  results(): PairResult[] {
    return [...this.#results.values()];
  }

  add(version: number, pairs: readonly number[]): void {
    const known = new Set(this.#waiting);
    for (const pair of pairs) {
      if (known.has(pair) || this.#results.get(pair)?.measures) continue;
      known.add(pair);
      this.#waiting.push(pair);
    }
    if (!this.#abort && this.#waiting.length > 0) void this.#run(version);
  }

  /** What has been measured stays. */
  cancel(): void {
    this.#abort?.abort();
    this.#waiting = [];
  }

  /** For another version of the file. */
  reset(): void {
    this.cancel();
    this.#results.clear();
  }

  async #run(version: number): Promise<void> {
    const abort = (this.#abort = new AbortController());
    this.#done = 0;
    this.#options.progress();
    let fresh: PairResult[] = [];
    let told = Date.now();
    const tell = () => {
      if (fresh.length > 0 && !abort.signal.aborted) this.#options.results(version, fresh);
      fresh = [];
      told = Date.now();
      this.#options.progress();
    };
    for (let pair = this.#waiting[0]; pair !== undefined; pair = this.#waiting[0]) {
      const result = await this.#one(pair, version, abort.signal);
      if (abort.signal.aborted) break;
      this.#waiting.shift();
      this.#done++;
      this.#results.set(pair, result);
      fresh.push(result);
      if (Date.now() - told >= BATCH_MS) tell();
    }
    this.#abort = undefined;
    tell();
    // What was asked for while an abandoned measurement came to its end.
    if (abort.signal.aborted && this.#waiting.length > 0) void this.#run(version);
  }

  async #one(pair: number, version: number, signal: AbortSignal): Promise<PairResult> {
    try {
      return { pair, measures: await this.#options.measure(pair, version, signal) };
    } catch (error) {
      return { pair, problem: this.#options.problemOf(error) };
    }
  }
}
