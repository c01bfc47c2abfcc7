import * as tf from '@tensorflow/tfjs-core';
import type { Config } from '../../shared/config/schema';
import { hasHostTensors } from '../backends/tensor-place';
import type { Optimizer } from './optimizer';
import { Moments } from './state';

/** AdamW in PyTorch's order: decay first, then the update with bias-corrected moments. */
export function createAdamw({ betas, eps, weight_decay }: Config['optimizer']): Optimizer {
  const [beta1, beta2] = betas;
  const first = new Moments('exp_avg');
  const second = new Moments('exp_avg_sq');

  const optimizer: Optimizer = {
    steps: 0,
    update(parameters, gradients, lr) {
      optimizer.steps += 1;
      const correction2 = 1 - beta2 ** optimizer.steps;
      const coefficients: Coefficients = {
        ...{ beta1, beta2, eps },
        decay: 1 - lr * weight_decay,
        rate: lr / (1 - beta1 ** optimizer.steps),
        root: Math.sqrt(correction2),
      };
      const update = hasHostTensors() ? updateOnHost : updateOnDevice;
      const next = new Map<string, tf.Tensor>();
      for (const [key, value] of parameters) {
        const gradient = gradients.get(key);
        if (!gradient) throw new Error(`no gradient for ${key}`);
        const before = { value, gradient, m: first.get(key), v: second.get(key) };
        const after = update(before, coefficients);
        first.replace(key, after.m);
        second.replace(key, after.v);
        next.set(key, after.value);
      }
      return next;
    },
    saveState: async () => new Map([...(await first.save()), ...(await second.save())]),
    restoreState(state, steps) {
      optimizer.steps = steps;
      first.restore(state);
      second.restore(state);
    },
    dispose() {
      first.dispose();
      second.dispose();
    },
  };
  return optimizer;
}

interface Coefficients {
  readonly beta1: number;
  readonly beta2: number;
  readonly eps: number;
  /** 1 − ηλ. */
  readonly decay: number;
  /** η / (1 − β₁ᵗ). */
  readonly rate: number;
  /** √(1 − β₂ᵗ). */
  readonly root: number;
}

interface Before {
  readonly value: tf.Tensor;
  readonly gradient: tf.Tensor;
  /** Absent at the first step: 0. */
  readonly m: tf.Tensor | undefined;
  readonly v: tf.Tensor | undefined;
}

interface After {
  readonly value: tf.Tensor;
  readonly m: tf.Tensor;
  readonly v: tf.Tensor;
}

/** One pass over memory; sums in float64, what is kept in float32. */
function updateOnHost(before: Before, coefficients: Coefficients): After {
  const { beta1, beta2, eps, decay, rate, root } = coefficients;
  const { shape, size } = before.value;
  const [p, g] = [values(before.value), values(before.gradient)];
  const [mOld, vOld] = [before.m, before.v].map((t) => (t ? values(t) : new Float32Array(size)));
  if (!mOld || !vOld) throw new Error('no moments');
  const [value, m, v] = [0, 1, 2].map(() => new Float32Array(size));
  if (!value || !m || !v) throw new Error('no memory');
  for (let i = 0; i < size; i++) {
    const slope = g[i] as number;
    const mean = beta1 * (mOld[i] as number) + (1 - beta1) * slope;
    const square = beta2 * (vOld[i] as number) + (1 - beta2) * slope * slope;
    value[i] = decay * (p[i] as number) - (rate * mean) / (Math.sqrt(square) / root + eps);
    m[i] = mean;
    v[i] = square;
  }
  return { value: tf.tensor(value, shape), m: tf.tensor(m, shape), v: tf.tensor(v, shape) };
}

function values(tensor: tf.Tensor): Float32Array {
  return tensor.dataSync() as Float32Array;
}

function updateOnDevice(before: Before, coefficients: Coefficients): After {
  const { beta1, beta2, eps, decay, rate, root } = coefficients;
  const { value: p, gradient: g } = before;
  const [value, m, v] = tf.tidy(() => {
    const mOld = before.m ?? tf.zerosLike(p);
    const vOld = before.v ?? tf.zerosLike(p);
    const mNew = tf.add(tf.mul(mOld, beta1), tf.mul(g, 1 - beta1));
    const vNew = tf.add(tf.mul(vOld, beta2), tf.mul(tf.square(g), 1 - beta2));
    const decayed = decay < 1 ? tf.mul(p, decay) : p;
    const denominator = tf.add(tf.div(tf.sqrt(vNew), root), eps);
    return [tf.sub(decayed, tf.mul(tf.div(mNew, denominator), rate)), mNew, vNew] as const;
  }) as unknown as readonly [tf.Tensor, tf.Tensor, tf.Tensor];
  return { value, m, v };
}
