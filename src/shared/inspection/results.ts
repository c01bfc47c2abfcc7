import * as z from 'zod';
import { metricSchema } from '../numbers';

/** What a measure found for one scope at one radius. NaN stands for what could not be measured. */
export const measureResultSchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('scalar'),
    value: metricSchema,
    standardError: metricSchema.optional().describe('Of an estimate from random draws.'),
    details: z
      .record(z.string(), metricSchema)
      .optional()
      .describe('Further numbers by name, e.g. `loss`, `gradientNorm`, `eta`.'),
  }),
  z.object({
    kind: z.literal('eigenvalues'),
    values: z.array(metricSchema).describe('Descending.'),
    residuals: z.array(metricSchema).describe('‖Hv − λv‖ of each, or its estimate.'),
    iterations: z.int(),
    converged: z.boolean(),
  }),
  z.object({
    kind: z.literal('density'),
    nodes: z
      .array(z.array(metricSchema))
      .describe('Ritz values of each start: what every curve is made of.'),
    weights: z.array(z.array(metricSchema)).describe('Of the nodes.'),
    grid: z.array(metricSchema).describe('Where the curve is given.'),
    density: z.array(metricSchema).describe('The curve.'),
    variance: z.number().describe('Of the Gaussian kernel.'),
  }),
  z.object({
    kind: z.literal('line'),
    x: z.array(z.number()).describe('In units of the direction.'),
    loss: z.array(metricSchema).describe('By point; NaN is a hole.'),
    noise: z
      .array(metricSchema)
      .optional()
      .describe('Standard error of the loss over the examples, by point.'),
    norms: z.array(z.number()).describe('Of the direction, in its space.'),
    holes: z.int().describe('Points without a finite loss.'),
  }),
  z.object({
    kind: z.literal('surface'),
    x: z.array(z.number()).describe('In units of the first direction.'),
    y: z.array(z.number()).describe('In units of the second direction.'),
    loss: z.array(metricSchema).describe('[y, x], row-major; NaN is a hole.'),
    noise: z
      .array(metricSchema)
      .optional()
      .describe('Standard error of the loss over the examples, as `loss`.'),
    norms: z.array(z.number()).describe('Of the two directions, in their space.'),
    holes: z.int().describe('Points without a finite loss.'),
  }),
]);
export type MeasureResult = z.output<typeof measureResultSchema>;
