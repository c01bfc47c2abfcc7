import * as tf from '@tensorflow/tfjs-core';
import { hasHostTensors } from '../backends/tensor-place';

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
  const tensors = [...gradients.values()];
  const norm = await (hasHostTensors() ? normOnHost(tensors) : normOnDevice(tensors));
  const factor = maxNorm > 0 ? maxNorm / (norm + 1e-6) : 1;
  if (!(factor < 1)) return { gradients, norm, clipped: false };
  const scaled = new Map([...gradients].map(([key, g]) => [key, tf.mul(g, factor)]));
  tf.dispose(tensors);
  return { gradients: scaled, norm, clipped: true };
}

const FLOAT32_MAX = 3.4028234663852886e38;

/** Infinite where float32 squares overflow, as on a device: so would AdamW's second moments. */
async function normOnHost(tensors: readonly tf.Tensor[]): Promise<number> {
  let sum = 0;
  for (const tensor of tensors) {
    const values = (await tensor.data()) as Float32Array;
    for (let i = 0; i < values.length; i++) sum += (values[i] as number) ** 2;
  }
  return sum > FLOAT32_MAX ? Infinity : Math.sqrt(sum);
}

/** One read. */
async function normOnDevice(tensors: readonly tf.Tensor[]): Promise<number> {
  const squares = tf.tidy(() => tf.stack(tensors.map((g) => tf.sum(tf.square(g)))));
  const values = Array.from((await squares.data()) as Float32Array);
  squares.dispose();
  return Math.sqrt(values.reduce((sum, s) => sum + s, 0));
}
