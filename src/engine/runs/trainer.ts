import type { EventOf } from '../../shared/events';

type Report<T extends 'step' | 'probe' | 'eval', K extends string> = Omit<
  EventOf<T>,
  'type' | 'seq' | 'time' | 'step' | 'elapsedMs' | K
>;

export type StepReport = Report<'step', 'epoch'>;
export type ProbeReport = Report<'probe', never>;
export type EvalReport = Report<'eval', never>;

export interface MeasureOptions {
  /** Aborted when the run is asked to stop: the measure ends early and reports undefined. */
  readonly signal: AbortSignal;
  readonly onProgress: (fraction: number) => void;
}

/**
 * What the training loop drives. `createModelTrainer` is the real one; tests drive the loop with
 * others.
 *
 * After `restore`, everything must be as it was at `save`, so that steps taken afterwards give the
 * same numbers, bit for bit: data and dropout of a step are functions of the seed and its number.
 */
export interface Trainer {
  readonly totalSteps: number;
  readonly stepsPerEpoch: number;
  readonly hasEval: boolean;
  /** Takes the optimizer step number `step`, 1-based. */
  step(step: number): Promise<StepReport>;
  /** Measures on the probe batch; changes nothing. */
  probe(options: MeasureOptions): Promise<ProbeReport | undefined>;
  /** Measures on the evaluation file; changes nothing. */
  evaluate(options: MeasureOptions): Promise<EvalReport | undefined>;
  /** Writes the adapter and the training state into an existing folder. */
  save(directory: string, step: number): Promise<void>;
  /** Takes the state that `save` wrote after `step`. */
  restore(directory: string, step: number): Promise<void>;
  dispose(): void;
}
