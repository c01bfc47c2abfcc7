import * as tf from '@tensorflow/tfjs-core';

export interface Clipped {
  /** Scaled copies, or the tensors given; the caller disposes them. */
  readonly gradients: Map<string, tf.Tensor>;
  /** Norm of all gradients together, before clipping. */
  readonly norm: number;
  readonly clipped: boolean;
}

/**
 * Scales all gradients by one factor so that their joint norm is at most `maxNorm` (0: never), with
 * PyTorch's 1e-6 in the denominator. Takes over the tensors given.
 */
export async function clipGradients(
  gradients: Map<string, tf.Tensor>,
  maxNorm: number,
): Promise<Clipped> {
  const squares = tf.tidy(() => tf.stack([...gradients.values()].map((g) => tf.sum(tf.square(g)))));
  const values = Array.from((await squares.data()) as Float32Array);
  const norm = Math.sqrt(values.reduce((sum, s) => sum + s, 0));
  squares.dispose();
  const factor = maxNorm > 0 ? maxNorm / (norm + 1e-6) : 1;
  if (!(factor < 1)) return { gradients, norm, clipped: false };
  const scaled = new Map([...gradients].map(([key, g]) => [key, tf.mul(g, factor)]));
  tf.dispose([...gradients.values()]);
  return { gradients: scaled, norm, clipped: true };
}
