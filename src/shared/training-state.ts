import * as z from 'zod';

/** Files of a checkpoint folder beside PEFT's own. */
export const CHECKPOINT_FILES = {
  state: 'training_state.json',
  tensors: 'training_state.safetensors',
} as const;

/** `training_state.json` of a checkpoint: where the run was. Data and dropout follow from it. */
export const trainingStateSchema = z.object({
  format: z.literal(1),
  step: z.int().min(0).describe('Optimizer steps taken.'),
  optimizerSteps: z
    .int()
    .min(0)
    .describe("Updates the optimizer has made; AdamW's bias correction depends on it."),
  epoch: z.int().min(0).describe('Epoch of the next step, from 0.'),
  offset: z.int().min(0).describe('Optimizer steps already taken in that epoch.'),
  rho: z.number().describe('rho_t of the last step.'),
  seed: z.int().describe('`train.seed`: with epoch and offset, the data and dropout to come.'),
  method: z.string(),
  optimizer: z.string(),
  theorem2: z
    .object({
      gradientNorm: z.number().describe('G'),
      smoothness: z.number().describe('tau'),
      deviation: z.number().describe('sigma'),
      rho0: z.number().describe('rho_0 in B'),
    })
    .optional()
    .describe('Constants of Theorem 2 so far: G, tau, sigma, rho_0 in B.'),
});
export type TrainingState = z.output<typeof trainingStateSchema>;
