import * as z from 'zod';
import { inspectionManifestSchema } from './manifest';
import { LANDSCAPE_MEASURE_NAMES } from './measures';
import { measureResultSchema } from './results';
import { SPACE_NAMES } from './spaces';

const unitFields = {
  task: z.int().min(0).describe('Index into `request.tasks`.'),
  measure: z.enum(LANDSCAPE_MEASURE_NAMES),
  scope: z.string().describe('`all`, `block.N`, or the module’s path.'),
  space: z.enum(SPACE_NAMES).describe('Coordinates of the perturbation.'),
  rho: z.number().optional().describe('Radius, of a measure that has one.'),
};

/** `results.json`: what was found, and all that is needed to say what it was measured on. */
export const resultsFileSchema = inspectionManifestSchema
  .omit({ modules: true, estimate: true })
  .extend({
    results: z.array(
      z.object({
        ...unitFields,
        seed: z.int().describe('Of what was drawn at random.'),
        batch: z
          .object({ examples: z.int(), batch_size: z.int(), seed: z.int() })
          .describe('The examples, the mean of whose losses was measured.'),
        settings: z
          .record(z.string(), z.unknown())
          .describe('Everything of the task that this measure reads.'),
        hvp: z.enum(['exact', 'difference']).optional().describe('How Hessian products were made.'),
        notes: z.array(z.string()),
        elapsedMs: z.number(),
        result: measureResultSchema.describe('As below.'),
        arrays: z
          .record(z.string(), z.string())
          .describe('Its lists in `arrays.safetensors`: name of the tensor by field of `result`.'),
      }),
    ),
    failures: z
      .array(
        z.object({
          ...unitFields,
          ...{ code: z.string(), message: z.string() },
          found: z.string().optional(),
          remedy: z.string().optional().describe('What can be done about it.'),
        }),
      )
      .describe('Results that there are not.'),
    warnings: z.array(z.object({ code: z.string(), message: z.string() })),
  });
export type ResultsFile = z.output<typeof resultsFileSchema>;
