import * as tf from '@tensorflow/tfjs-core';
import { IGNORED_LABEL, type Batch } from '../data/batch';
import { softmax2 } from '../ops/softmax';

/** Logits as a function of the moved parameters' values, and where they are. */
export interface LogitsAt {
  readonly logits: (...values: tf.Tensor[]) => tf.Tensor;
  readonly values: tf.Tensor[];
  readonly direction: tf.Tensor[];
  readonly batch: Batch;
  /** h of the differences of z(w ± hd) and z(w ± hd/2); without it Jd is exact. */
  readonly step?: number | undefined;
}

/**
 * JᵀMJd of one batch: J of the logits z, and M the closed-form Hessian of the mean softmax
 * cross-entropy in them, u ↦ (p⊙u − p(p·u))/n with p = softmax(z). Never negative.
 * @returns one tensor for each of `values`; call it inside `tf.tidy`
 */
export function gaussNewtonProductOf(at: LogitsAt): tf.Tensor[] {
  const { logits, values, batch } = at;
  const u = at.step === undefined ? exactJacobianProduct(at) : differenceProduct(at, at.step);
  const curved = outputHessianProduct(logits(...values), u, batch);
  return tf.grads((...moved: tf.Tensor[]) => tf.sum(tf.mul(logits(...moved), curved)))(values);
}

/** Jd: Jᵀu is linear in u, and the gradient of ⟨Jᵀu, d⟩ in u is Jd wherever u is. */
function exactJacobianProduct({ logits, values, direction }: LogitsAt): tf.Tensor {
  const along = (u: tf.Tensor): tf.Scalar =>
    tf
      .grads((...moved: tf.Tensor[]) => tf.sum(tf.mul(logits(...moved), u)))(values)
      .map((g, i) => tf.sum(tf.mul(g, direction[i] as tf.Tensor)))
      .reduce((sum, term) => tf.add(sum, term)) as tf.Scalar;
  return tf.grad(along)(tf.zerosLike(logits(...values)));
}

/**
 * The central difference of four points, whose error is of the order h⁴: forward passes are cheap, and
 * a row of J is often small beside the rounding of the logits.
 */
function differenceProduct({ logits, values, direction }: LogitsAt, step: number): tf.Tensor {
  const at = (h: number): tf.Tensor =>
    logits(...values.map((value, i) => tf.add(value, tf.mul(direction[i] as tf.Tensor, h))));
  const slope = (h: number): tf.Tensor => tf.div(tf.sub(at(h), at(-h)), 2 * h);
  return tf.div(tf.sub(tf.mul(slope(step / 2), 4), slope(step)), 3);
}

/** Mu: each labelled position counts 1/n; those without a label not at all. */
function outputHessianProduct(z: tf.Tensor, u: tf.Tensor, { labels }: Batch): tf.Tensor {
  const classes = z.shape.at(-1) as number;
  const positions = z.size / classes;
  const weights = new Float32Array(positions);
  const labelled = [...labels.keys()].filter((i) => labels[i] !== IGNORED_LABEL);
  for (const i of labelled) weights[i] = 1 / labelled.length;
  const p = softmax2(tf.reshape(z, [positions, classes]));
  const pu = tf.mul(p, tf.reshape(u, [positions, classes]));
  const curved = tf.sub(pu, tf.mul(p, tf.sum(pu, 1, true)));
  return tf.reshape(tf.mul(curved, tf.tensor2d(weights, [positions, 1])), z.shape);
}
