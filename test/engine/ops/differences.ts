import * as tf from '@tensorflow/tfjs-core';

/** Random numbers that are equal in every run. */
export function fixed(shape: number[], phase = 0): tf.Tensor {
  const size = shape.reduce((product, n) => product * n, 1);
  return tf.tensor(
    Float32Array.from({ length: size }, (_, i) => 1.5 * Math.sin(12.9898 * (i + 1) + phase)),
    shape,
  );
}

export type Loss = (...inputs: tf.Tensor[]) => tf.Scalar;

/** Concatenated, as plain numbers. */
function numbers(tensors: readonly tf.Tensor[]): number[] {
  return tensors.flatMap((tensor) => Array.from(tensor.dataSync()));
}

/** Exact gradient of ⟨∇loss, v⟩: a Hessian-vector product. */
export function hessianVector(loss: Loss, at: tf.Tensor[], v: tf.Tensor[]): number[] {
  return tf.tidy(() => {
    const directional: Loss = (...inputs) => {
      const inner = tf.grads(loss)(inputs);
      return inner
        .map((gradient, i) => tf.sum(tf.mul(gradient, v[i] as tf.Tensor)))
        .reduce((a, b) => tf.add(a, b)) as tf.Scalar;
    };
    return numbers(tf.grads(directional)(at));
  });
}

/** [f(x + hv) − f(x − hv)]/2h for a list of numbers f. */
function centralDifference(
  f: (inputs: tf.Tensor[]) => number[],
  { at, v, h }: { at: tf.Tensor[]; v: tf.Tensor[]; h: number },
): number[] {
  const shifted = (by: number): number[] =>
    f(at.map((x, i) => tf.add(x, tf.mul(v[i] as tf.Tensor, by))));
  const [plus, minus] = [shifted(h), shifted(-h)];
  return plus.map((value, i) => (value - (minus[i] as number)) / (2 * h));
}

/**
 * Richardson's combination of two central differences, error of order h⁴: with float32 that
 * leaves a step of 0.02 to 0.1, at which rounding is small as well.
 */
function differences(
  f: (inputs: tf.Tensor[]) => number[],
  { at, v, h }: { at: tf.Tensor[]; v: tf.Tensor[]; h: number },
): number[] {
  const wide = centralDifference(f, { at, v, h });
  const narrow = centralDifference(f, { at, v, h: h / 2 });
  return narrow.map((value, i) => (4 * value - (wide[i] as number)) / 3);
}

/** ⟨∇loss, v⟩, exactly and by differences of the loss. */
export function firstDerivatives(loss: Loss, at: tf.Tensor[], v: tf.Tensor[]): [number, number] {
  return tf.tidy(() => {
    const gradient = tf.grads(loss)(at);
    const exact = numbers(gradient.map((g, i) => tf.sum(tf.mul(g, v[i] as tf.Tensor))));
    const [difference = NaN] = differences((inputs) => numbers([loss(...inputs)]), {
      at,
      v,
      h: 0.05,
    });
    return [exact.reduce((a, b) => a + b), difference];
  });
}

/** The Hessian-vector product, exactly and by differences of the gradient. */
export function secondDerivatives(
  loss: Loss,
  at: tf.Tensor[],
  v: tf.Tensor[],
): [number[], number[]] {
  return tf.tidy(() => [
    hessianVector(loss, at, v),
    differences((inputs) => numbers(tf.grads(loss)(inputs)), { at, v, h: 0.05 }),
  ]);
}
