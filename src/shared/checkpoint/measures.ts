import * as z from 'zod';
import { metricSchema } from '../numbers';
import { QUANTITIES } from '../quantities';
import { problemSchema } from './contents';

/** What a number of a LoRA pair is called, what it means, and the space it lives in. */
interface PairMeasure {
  readonly label: string;
  readonly summary: string;
  readonly space: string;
}

const quantity = ({ label, summary, space }: PairMeasure): PairMeasure => ({
  label,
  summary,
  space,
});

/** Numbers of a pair, in the order in which they are shown. */
export const PAIR_MEASURES = {
  normA: quantity(QUANTITIES.normA),
  normB: quantity(QUANTITIES.normB),
  balancedness: quantity(QUANTITIES.balancedness),
  normDeltaW: quantity(QUANTITIES.normDeltaW),
  spectralNorm: {
    label: 'σ₁(ΔW)',
    summary: 'Largest singular value of s B A.',
    space: 'W',
  },
  stableRank: {
    label: 'stable rank',
    summary: '‖ΔW‖² / σ₁²: from 1 to r, insensitive to small singular values.',
    space: 'W',
  },
  effectiveRank: {
    label: 'effective rank',
    summary: 'exp(−Σ p ln p) with p = σ / Σσ of s B A (Roy and Vetterli, 2007).',
    space: 'W',
  },
  kappaA: quantity(QUANTITIES.kappaA),
  kappaB: quantity(QUANTITIES.kappaB),
} as const satisfies Record<string, PairMeasure>;

export type PairMeasureKey = keyof typeof PAIR_MEASURES;
export const PAIR_MEASURE_KEYS = Object.keys(PAIR_MEASURES) as PairMeasureKey[];

export const pairMeasuresSchema = z.object({
  values: z.record(z.enum(PAIR_MEASURE_KEYS as [PairMeasureKey]), metricSchema),
  /** σ of s B A, largest first: min(r, inputs, outputs) of them. */
  singularValues: z.array(metricSchema),
  /** Values of A and B that are NaN or infinite: with one of them nothing can be measured. */
  notFinite: z.int().nonnegative(),
});
export type PairMeasures = z.output<typeof pairMeasuresSchema>;

/** Of one pair: its measures, or why there are none. */
export const pairResultSchema = z.object({
  /** Index into `pairs`. */
  pair: z.int().nonnegative(),
  measures: pairMeasuresSchema.optional(),
  problem: problemSchema.optional(),
});
export type PairResult = z.output<typeof pairResultSchema>;

/** Fewest and most bars of a histogram. */
export const BINS = { least: 1, most: 1000, usual: 64 } as const;

const count = z.int().nonnegative();

/** All values of one tensor, none left out. */
export const histogramSchema = z.object({
  /** Index into `tensors`. */
  tensor: count,
  /** Values in all, and those that are neither finite nor counted in a bar. */
  values: count,
  nan: count,
  infinite: count,
  negativeInfinite: count,
  zeros: count,
  /** 64-bit integers beyond 2^53, which were rounded. */
  rounded: count,
  /** Of the finite values; NaN where there are none. */
  min: metricSchema,
  max: metricSchema,
  mean: metricSchema,
  /** √(Σ(x − mean)² / n). */
  std: metricSchema,
  /** `counts[i]` lie in [edges[i], edges[i + 1]), the last bar closed; none without finite values. */
  edges: z.array(z.number()),
  counts: z.array(count),
});
export type Histogram = z.output<typeof histogramSchema>;
