import type { BackendReport } from '../src/shared/backend-report';

export const SECTIONS = [
  'steps',
  'pytorch',
  'methods',
  'products',
  'algebra',
  'start',
  'leak',
  'landscape',
] as const;
export type SectionId = (typeof SECTIONS)[number];

export interface Table {
  readonly caption: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** A figure that this project has promised. */
export interface Target {
  /** What, on what: model, shape, backend. */
  readonly what: string;
  readonly atLeast?: number;
  readonly atMost?: number;
  readonly unit: string;
  readonly found: number;
  /** Lowest and highest over the rounds. */
  readonly range?: readonly [number, number];
}

export interface SectionReport {
  readonly id: SectionId;
  readonly title: string;
  /** How it was measured, a sentence each. */
  readonly notes: readonly string[];
  readonly tables: readonly Table[];
  readonly targets: readonly Target[];
  readonly leftOut: readonly LeftOut[];
  /** Raw samples, for --json. */
  readonly samples: Readonly<Record<string, unknown>>;
}

export interface LeftOut {
  readonly what: string;
  readonly why: string;
}

export interface BenchReport {
  readonly command: string;
  /** ISO 8601, UTC. */
  readonly date: string;
  readonly minutes: number;
  /** Processes that wanted a processor just before, on average over a minute; a quiet machine has 0. */
  readonly loadBefore: number;
  readonly machine: BackendReport['machine'];
  /** Graphics cards by name. */
  readonly cards: readonly string[];
  readonly versions: Readonly<Record<string, string>>;
  readonly sections: readonly SectionReport[];
  readonly leftOut: readonly LeftOut[];
}

export function isMet({ atLeast, atMost, found }: Target): boolean {
  return found >= (atLeast ?? -Infinity) && found <= (atMost ?? Infinity);
}
