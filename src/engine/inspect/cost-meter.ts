import type { InspectionEventOf } from '../../shared/inspection/events';
import type { Passes } from '../landscape/measure';
import type { PassKind } from '../landscape/objective';

export type Progress = Pick<
  InspectionEventOf<'progress'>,
  'fraction' | 'elapsedMs' | 'remainingMs'
>;

/** Milliseconds of one pass over the whole probe set. */
export interface PassTimes {
  readonly forward: number;
  readonly gradient: number;
}

export interface CostMeterOptions {
  /** Expected passes of everything, also of what an earlier process did. */
  readonly total: Passes;
  /** Spent by earlier processes. */
  readonly elapsedMs: number;
  /** As timed before the first measure. */
  readonly times: PassTimes;
  readonly now?: () => number;
}

const NONE: Passes = { forwards: 0, gradients: 0 };

/**
 * How far an inspection is, and how long it will take. Cost is counted in passes over the probe set,
 * as the measures expect it; time per pass is what passes have taken so far, everything included
 * that a measure does between them.
 */
export class CostMeter {
  private readonly spent: Record<PassKind, { ms: number; passes: number }> = {
    forward: { ms: 0, passes: 0 },
    gradient: { ms: 0, passes: 0 },
    hessian: { ms: 0, passes: 0 },
  };
  private readonly startedAt: number;
  private settled = NONE;
  private unit = { expected: NONE, done: NONE };
  private current: { kind: PassKind; share: number; at: number } | undefined;

  constructor(private readonly options: CostMeterOptions) {
    this.startedAt = this.now();
  }

  begin(expected: Passes): void {
    this.unit = { expected, done: NONE };
  }

  /** Called before a pass over a share of the probe set. */
  pass(kind: PassKind, share: number): void {
    this.close();
    this.current = { kind, share, at: this.now() };
  }

  /** What the unit took less, or more, than expected does not count any longer. */
  end(): void {
    this.close();
    this.settled = sum(this.settled, this.unit.expected);
    this.begin(NONE);
  }

  get progress(): Progress {
    const { forward, gradient } = this.times;
    const ms = ({ forwards, gradients }: Passes) => forwards * forward + gradients * gradient;
    const { expected, done } = this.unit;
    const doneMs = ms(this.settled) + Math.min(ms(expected), ms(done));
    const totalMs = Math.max(ms(this.options.total), doneMs);
    return {
      fraction: totalMs > 0 ? doneMs / totalMs : 1,
      elapsedMs: this.options.elapsedMs + this.now() - this.startedAt,
      remainingMs: totalMs - doneMs,
    };
  }

  /** A Hessian product counts as the two gradients that it is estimated at. */
  private get times(): PassTimes {
    const { forward, gradient, hessian } = this.spent;
    const gradients = gradient.passes + 2 * hessian.passes;
    return {
      forward: forward.passes > 0 ? forward.ms / forward.passes : this.options.times.forward,
      gradient:
        gradients > 0 ? (gradient.ms + hessian.ms) / gradients : this.options.times.gradient,
    };
  }

  private close(): void {
    if (!this.current) return;
    const { kind, share, at } = this.current;
    this.current = undefined;
    this.spent[kind].ms += this.now() - at;
    this.spent[kind].passes += share;
    const gradients = { forward: 0, gradient: share, hessian: 2 * share }[kind];
    const pass = { forwards: kind === 'forward' ? share : 0, gradients };
    this.unit.done = sum(this.unit.done, pass);
  }

  private now(): number {
    return (this.options.now ?? (() => performance.now()))();
  }
}

export function sum(a: Passes, b: Passes): Passes {
  return { forwards: a.forwards + b.forwards, gradients: a.gradients + b.gradients };
}
