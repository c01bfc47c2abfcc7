import type { ModelDirectory } from '../formats/model-directory';
import type { ProductMemory } from '../landscape/product-choice';
import { estimateMemory } from '../runs/memory-estimate';
import { modelShape } from '../runs/model-shape';
import type { ProbeSet } from './probe-set';

/** Activations of an exact product beside those of a gradient. */
const EXACT = 3;

/**
 * What an exact Hessian product over the largest batch would take, estimated from file headers.
 * @param trainable numbers that are trained
 */
export function productMemory(
  directory: ModelDirectory,
  { batches }: Pick<ProbeSet, 'batches'>,
  backend: { readonly name: string; readonly memoryLimit: number; readonly trainable: number },
): ProductMemory {
  const shape = { ...modelShape(directory), trainable: backend.trainable };
  const needed = batches.map(({ rows, length }) =>
    estimateMemory({ ...shape, rows: EXACT * rows, length }, backend.name),
  );
  return { needed: Math.max(...needed), available: backend.memoryLimit };
}
