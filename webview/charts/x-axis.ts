import type { RunModel } from '../../src/shared/run-model';

/** The shared horizontal axis of the line charts. */
export interface XAxis {
  readonly kind: 'step' | 'time';
  readonly title: string;
  /** Position of a step. */
  of(step: number): number;
}

/** Steps, or the minutes spent in steps up to and including one. */
export function xAxis(model: RunModel, kind: 'step' | 'time'): XAxis {
  if (kind === 'step') return { kind, title: 'step', of: (step) => step };
  const { step: steps, elapsedMs } = model.steps;
  const first = steps[0] ?? 1;
  let sum = 0;
  const minutes = elapsedMs.map((ms) => (sum += ms) / 60_000);
  const of = (step: number): number => {
    // A heat map's column may stand between two steps.
    const position = Math.min(step - first, minutes.length - 1);
    const below = minutes[Math.floor(position)] ?? 0;
    const above = minutes[Math.ceil(position)] ?? below;
    return below + (position - Math.floor(position)) * (above - below);
  };
  return { kind, title: 'time in steps (min)', of };
}
