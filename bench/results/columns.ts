import { digits } from '../markdown';
import type { Collected, Final } from './collect';
import { estimate, pairedDifference, type Estimate } from './statistics';

/** Something that each run of the table has one number of. */
export interface Column {
  readonly title: string;
  readonly better: 'higher' | 'lower';
  /** Percentage points of accuracy, to one digit; else three significant digits. */
  readonly format: (value: number) => string;
  readonly value: (run: Final) => number | undefined;
}

export const COLUMNS = {
  accuracy: {
    title: 'accuracy, %',
    better: 'higher',
    format: (value) => value.toFixed(1),
    value: ({ outcome }) => outcome.end && 100 * outcome.end.accuracy,
  },
  loss: {
    title: 'test loss',
    better: 'lower',
    format: digits,
    value: ({ outcome }) => outcome.end?.loss,
  },
  sharpness: {
    title: 'SAM sharpness, full W',
    better: 'lower',
    format: digits,
    value: ({ flatness }) => flatness?.sharpness,
  },
  eigenvalue: {
    title: 'top Hessian eigenvalue, full W',
    better: 'lower',
    format: digits,
    value: ({ flatness }) => flatness?.eigenvalue,
  },
  rowSharpness: {
    title: 'SAM sharpness, row space',
    better: 'lower',
    format: digits,
    value: ({ flatness }) => flatness?.rowSharpness,
  },
} as const satisfies Record<string, Column>;
export type ColumnName = keyof typeof COLUMNS;

/** By seed; a run that diverged, or was not measured, is not in it. */
export function valuesOf({ finals }: Collected, name: ColumnName): ReadonlyMap<number, number> {
  const { value }: Column = COLUMNS[name];
  return new Map(
    finals.flatMap((run) => {
      const found = value(run);
      return found === undefined || !Number.isFinite(found) ? [] : [[run.seed, found] as const];
    }),
  );
}

/** Undefined with fewer than two runs. */
export function estimateOf(of: Collected, name: ColumnName): Estimate | undefined {
  const values = [...valuesOf(of, name).values()];
  return values.length < 2 ? undefined : estimate(values);
}

/** `of` minus `base`, seed by seed; undefined with fewer than two seeds in common. */
export function differenceOf(
  of: Collected | undefined,
  base: Collected | undefined,
  name: ColumnName,
): Estimate | undefined {
  if (!of || !base) return undefined;
  const [values, others] = [valuesOf(of, name), valuesOf(base, name)];
  const common = [...values.keys()].filter((seed) => others.has(seed));
  return common.length < 2 ? undefined : pairedDifference(values, others);
}

/** `0.132 ± 0.004` */
export function plusMinus({ mean, error }: Estimate, format: (value: number) => string): string {
  return `${format(mean)} ± ${format(error)}`;
}

/** The same with its sign. */
export function signed(found: Estimate, format: (value: number) => string): string {
  return `${found.mean < 0 ? '−' : '+'}${plusMinus({ ...found, mean: Math.abs(found.mean) }, format)}`;
}
