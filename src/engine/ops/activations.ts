import * as tf from '@tensorflow/tfjs-core';
import { hasFused, runFused } from './fused';
import { differentiations, needsSecondOrder, withGradient } from './with-gradient';

/** Activations by the names of `hidden_act` in a transformers config. */
export const ACTIVATIONS = {
  gelu: geluErf,
  gelu_new: geluTanh,
  gelu_pytorch_tanh: geluTanh,
  relu: <T extends tf.Tensor>(x: T): T => tf.relu(x),
} as const;

export type ActivationName = keyof typeof ACTIVATIONS;

/** tanh x, differentiable any number of times. */
export function tanh2<T extends tf.Tensor>(x: T): T {
  const exact = needsSecondOrder();
  return withGradient(
    [x],
    (save) => {
      const y = tf.tanh(x);
      save([exact ? x : y]);
      return y;
    },
    (dy, saved) => {
      const kept = saved[0] as T;
      const y = exact ? tanh2(kept) : kept;
      return [tf.mul(dy, tf.sub(1, tf.square(y)))];
    },
  );
}

/** exp x, differentiable any number of times. */
export function exp2<T extends tf.Tensor>(x: T): T {
  const exact = needsSecondOrder();
  return withGradient(
    [x],
    (save) => {
      const y = tf.exp(x);
      save([exact ? x : y]);
      return y;
    },
    (dy, saved) => {
      const kept = saved[0] as T;
      return [tf.mul(dy, exact ? exp2(kept) : kept)];
    },
  );
}

/** erf x; the gradient of `tf.erf` contains a plain exp, which ends at the second derivative. */
function erf2<T extends tf.Tensor>(x: T): T {
  return withGradient(
    [x],
    (save) => {
      save([x]);
      return tf.erf(x);
    },
    (dy, saved) => {
      const slope = tf.mul(exp2(tf.neg(tf.square(saved[0] as T))), 2 / Math.sqrt(Math.PI));
      return [tf.mul(dy, slope)];
    },
  );
}

/** x·Φ(x), Φ the normal distribution: transformers' `gelu`. */
export function geluErf<T extends tf.Tensor>(x: T): T {
  if (hasFused('gelu')) return fusedGelu(x, false);
  return pointwise(x, (value) => {
    const u = tf.mul(value, Math.SQRT1_2);
    const phi = tf.add(tf.mul(erf2(u), 0.5), 0.5);
    return {
      y: tf.mul(value, phi),
      // Φ(x) + x·φ(x), φ the density.
      derivative: () => {
        const density = tf.mul(exp2(tf.neg(tf.square(u))), 1 / Math.sqrt(2 * Math.PI));
        return tf.add(phi, tf.mul(value, density));
      },
    };
  });
}

/** ½x·(1 + tanh(√(2/π)(x + 0.044715x³))): transformers' `gelu_new` and `gelu_pytorch_tanh`. */
export function geluTanh<T extends tf.Tensor>(x: T): T {
  if (hasFused('gelu')) return fusedGelu(x, true);
  const scale = Math.sqrt(2 / Math.PI);
  return pointwise(x, (value) => {
    const squared = tf.square(value);
    const t = tanh2(tf.mul(tf.mul(value, scale), tf.add(tf.mul(squared, 0.044715), 1)));
    const half = tf.mul(tf.add(t, 1), 0.5);
    return {
      y: tf.mul(value, half),
      derivative: () => {
        const inner = tf.mul(tf.add(tf.mul(squared, 3 * 0.044715), 1), scale);
        const slope = tf.mul(tf.mul(value, 0.5), tf.mul(tf.sub(1, tf.square(t)), inner));
        return tf.add(half, slope);
      },
    };
  });
}

function fusedGelu<T extends tf.Tensor>(z: T, tanh: boolean): T {
  return withGradient(
    [z],
    (save) => {
      const [y, slope] = runFused('gelu', { z }, { tanh }) as [T, T];
      save([slope]);
      return y;
    },
    (dy, saved) => [tf.mul(dy, saved[0] as T)],
  );
}

interface Pointwise {
  readonly y: tf.Tensor;
  readonly derivative: () => tf.Tensor;
}

/**
 * A pointwise function and its derivative, which share most of the work. In training both are
 * computed at once and one tensor is saved; below a second derivative the recorded ops
 * differentiate themselves.
 */
function pointwise<T extends tf.Tensor>(x: T, f: (x: T) => Pointwise): T {
  if (needsSecondOrder()) return f(x).y as T;
  const taped = differentiations() > 0;
  return withGradient(
    [x],
    (save) => {
      const { y, derivative } = f(x);
      if (taped) save([derivative()]);
      return y as T;
    },
    (dy, saved) => [tf.mul(dy, saved[0] as T)],
  );
}
