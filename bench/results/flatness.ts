import { join } from 'node:path';
import * as z from 'zod';
import { writeFileAtomic } from '../../src/engine/formats/atomic-file';
import { readRecord } from './record';

/** How each checkpoint is measured; a change of it makes the measures anew. */
export const MEASURED = {
  /** The first of the test part. */
  examples: 32,
  batchSize: 32,
  /** Radius of the sharpness, in both spaces. */
  rho: 0.05,
  /** Of the vector that Lanczos' iteration starts from. */
  seed: 7,
  /** It ends at a residual of less than this fraction of the eigenvalue, or after so many products. */
  tolerance: 0.05,
  iterations: 20,
  /** Half the distance of the two gradients of a product. */
  step: 0.003,
} as const;

const flatnessSchema = z.strictObject({
  settings: z.record(z.string(), z.number()),
  /** Mean loss of the examples at the checkpoint. */
  loss: z.number(),
  /** L(W + rho G/‖G‖) − L(W), one ball for the query and value matrices of all layers together. */
  sharpness: z.number(),
  /** The same over the row spaces of A; absent without pairs. */
  rowSharpness: z.number().optional(),
  /** Largest of the Hessian in W of the same matrices. */
  eigenvalue: z.number(),
  iterations: z.number(),
  /** Whether the tolerance was reached. */
  converged: z.boolean(),
});
export type Flatness = z.infer<typeof flatnessSchema>;

/** What was measured of a run's checkpoint; undefined where it has not been, or not in this way. */
export async function readFlatness(directory: string): Promise<Flatness | undefined> {
  const found = await readRecord(fileOf(directory), flatnessSchema);
  return JSON.stringify(found?.settings) === JSON.stringify(MEASURED) ? found : undefined;
}

export function writeFlatness(directory: string, flatness: Flatness): Promise<void> {
  return writeFileAtomic(fileOf(directory), `${JSON.stringify(flatness)}\n`);
}

/** Beside what the product writes into a run directory. */
function fileOf(directory: string): string {
  return join(directory, 'flatness.json');
}
