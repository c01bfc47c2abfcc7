import * as z from 'zod';
import { metricSchema } from '../numbers';

/** What a measure found for one scope at one radius. NaN stands for what could not be measured. */
export const measureResultSchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('scalar'),
    value: metricSchema,
    /** Of an estimate from random draws. */
    standardError: metricSchema.optional(),
    /** Further numbers by name, e.g. `loss`, `gradientNorm`, `eta`. */
    details: z.record(z.string(), metricSchema).optional(),
  }),
  z.object({
    kind: z.literal('eigenvalues'),
    /** Descending. */
    values: z.array(metricSchema),
    /** ‖Hv − λv‖ of each, or its estimate. */
    residuals: z.array(metricSchema),
    iterations: z.int(),
    converged: z.boolean(),
  }),
  z.object({
    kind: z.literal('density'),
    /** Ritz values and weights of each start: what every curve is made of. */
    nodes: z.array(z.array(metricSchema)),
    weights: z.array(z.array(metricSchema)),
    /** The curve. */
    grid: z.array(metricSchema),
    density: z.array(metricSchema),
    /** Variance of the Gaussian kernel. */
    variance: z.number(),
  }),
  z.object({
    kind: z.literal('line'),
    x: z.array(z.number()),
    /** Loss by point; NaN is a hole. */
    loss: z.array(metricSchema),
    /** Standard error of the loss over the examples, by point. */
    noise: z.array(metricSchema).optional(),
    /** Norm of the direction in its space. */
    norms: z.array(z.number()),
    holes: z.int(),
  }),
  z.object({
    kind: z.literal('surface'),
    x: z.array(z.number()),
    y: z.array(z.number()),
    /** [y, x], row-major; NaN is a hole. */
    loss: z.array(metricSchema),
    noise: z.array(metricSchema).optional(),
    norms: z.array(z.number()),
    holes: z.int(),
  }),
]);
export type MeasureResult = z.output<typeof measureResultSchema>;
