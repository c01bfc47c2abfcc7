import * as z from 'zod';
import { askEngine, type EngineQuestion } from './ask-engine';
import { overrideArgs, type EngineScript } from './engine-command';

/** What a run would need, worked out before anything heavy starts. Every figure is an estimate. */
export const preflightSchema = z.object({
  backend: z
    .object({
      name: z.string(),
      reason: z.string(),
      refused: z.array(z.object({ name: z.string(), reason: z.string() })),
    })
    .describe('The backend that would compute, and why each other one was refused.'),
  architecture: z.string(),
  trainable: z.int().describe('Trained parameters.'),
  total: z.int().describe('All parameters.'),
  modules: z.int().describe('Adapted modules.'),
  memoryBytes: z.number().describe('Estimated peak.'),
  memoryLimit: z.number().describe('What the backend may use.'),
  steps: z.int(),
  trainExamples: z.int(),
  evalExamples: z.int(),
  secondsEstimate: z.number(),
  secondsBasis: z.string().describe('How the seconds were estimated.'),
  warnings: z.array(z.string()),
  runDirectory: z.string().optional().describe('Folder in which the run would be created.'),
});
export type Preflight = z.output<typeof preflightSchema>;

const moduleListSchema = z.array(
  z.object({ path: z.string(), kind: z.string(), out: z.int(), in: z.int() }),
);
/** A linear of the model that could be named in `adapter.target_modules`. */
export type InspectedModule = z.output<typeof moduleListSchema>[number];

export interface AskOptions extends EngineScript, EngineQuestion {
  readonly set?: readonly string[];
}

/** @throws UserError: the engine's own, or `engine-start-failed`; the signal's reason when aborted */
export async function preflight(options: AskOptions): Promise<Preflight> {
  return preflightSchema.parse(await askEngine(['preflight', ...configArgs(options)], options));
}

/** All linears of the model that a config names. Errors as `preflight`. */
export async function inspectModel(options: AskOptions): Promise<readonly InspectedModule[]> {
  return moduleListSchema.parse(
    await askEngine(['inspect-model', ...configArgs(options)], options),
  );
}

function configArgs({ configFile, set }: AskOptions): readonly string[] {
  return [configFile, ...overrideArgs(set)];
}
