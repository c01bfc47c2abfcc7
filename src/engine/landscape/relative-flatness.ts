import * as tf from '@tensorflow/tfjs-core';
import type { CoordinateBlock } from './coordinates';
import { createHessianOperator } from './hessian-operator';
import { traceMeasure, type ProbeDraw } from './hessian-trace';
import type { MeasureContext } from './measure';
import { rademacher } from './random-vectors';

/**
 * Relative flatness (Petzka et al., arXiv 2001.00939) Σ ⟨w_s, w_s′⟩ tr H_{s,s′} = tr((WWᵀ ⊗ I)H) over the
 * rows w_s of W [out, in], by Hutchinson’s estimate: u = Wξ with ξ [in, in] of ±1 has E uᵀHu. It survives
 * W → cW where the next layer undoes it. Modules together: the sum of theirs.
 */
export const relativeFlatness = traceMeasure(
  (context) => createHessianOperator(context, context.task.hvp),
  weightedProbes,
);

async function weightedProbes({ task, coordinates }: MeasureContext): Promise<ProbeDraw> {
  const weights = await coordinates.values();
  return async (index) => {
    const u = new Float64Array(coordinates.dimension);
    for (const block of coordinates.blocks) {
      const w = weights.subarray(block.offset, block.offset + block.size);
      u.set(await timesSigns(w, block, { seed: task.seed, index }), block.offset);
    }
    return u;
  };
}

/** Wξ [out, in]. */
async function timesSigns(
  w: Float64Array,
  { key, shape }: CoordinateBlock,
  draw: { readonly seed: number; readonly index: number },
): Promise<Float32Array> {
  const [out, width] = shape as [number, number];
  const signs = rademacher([{ key, offset: 0, size: width * width }], draw);
  const product = tf.tidy(() =>
    tf.matMul(
      tf.tensor2d(Float32Array.from(w), [out, width]),
      tf.tensor2d(Float32Array.from(signs), [width, width]),
    ),
  );
  const values = (await product.data()) as Float32Array;
  product.dispose();
  return values;
}
