import type { RunModel } from '../shared/run-model';

/** The one number that a run is remembered by: its last accuracy, or else its last loss. */
export function headline(model: RunModel): string | undefined {
  const accuracy = model.evals.at(-1)?.accuracy;
  if (accuracy !== undefined) return `accuracy ${accuracy.toFixed(3)}`;
  const loss = model.steps.loss.at(-1);
  return loss === undefined ? undefined : `loss ${loss.toPrecision(4)}`;
}

/** `120/300`; the total alone before the first step. */
export function progressText(model: RunModel): string {
  return `${model.steps.step.at(-1) ?? 0}/${model.totalSteps}`;
}

const UNITS = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
] as const;

/** `3 hours ago` in the user's language; `now` within the last minute. */
export function age(time: number, now: number, locale: string): string {
  const format = new Intl.RelativeTimeFormat(locale, { numeric: 'auto', style: 'short' });
  const elapsed = time - now;
  for (const [unit, ms] of UNITS) {
    if (Math.abs(elapsed) >= ms) return format.format(Math.trunc(elapsed / ms), unit);
  }
  return format.format(0, 'second');
}

export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toPrecision(3)} ${units[unit]}`;
}

/** `45 s`, `12 min`, `3 h 20 min`. */
export function formatDuration(seconds: number): string {
  if (seconds < 90) return `${Math.max(1, Math.round(seconds))} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 90) return `${minutes} min`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
