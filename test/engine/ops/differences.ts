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

/**
 * The tensors that `compute` makes, one after the other as plain numbers. Read asynchronously, for
 * webgpu has no other way.
 */
export async function numbers(compute: () => tf.Tensor | readonly tf.Tensor[]): Promise<number[]> {
  const tensors = tf.tidy(() => [compute()].flat());
  const values = await Promise.all(tensors.map((tensor) => tensor.data()));
  tf.dispose(tensors);
  return values.flatMap((part) => Array.from(part));
}

/** Exact gradient of ⟨∇loss, v⟩: a Hessian-vector product. */
export function hessianVector(loss: Loss, at: tf.Tensor[], v: tf.Tensor[]): Promise<number[]> {
  const directional: Loss = (...inputs) => {
    const inner = tf.grads(loss)(inputs);
    return inner
      .map((gradient, i) => tf.sum(tf.mul(gradient, v[i] as tf.Tensor)))
      .reduce((a, b) => tf.add(a, b)) as tf.Scalar;
  };
  return numbers(() => tf.grads(directional)(at));
}

type Point = { at: tf.Tensor[]; v: tf.Tensor[]; h: number };

/** [f(x + hv) − f(x − hv)]/2h for tensors f, as numbers. */
async function centralDifference(
  f: (inputs: tf.Tensor[]) => tf.Tensor | readonly tf.Tensor[],
  { at, v, h }: Point,
): Promise<number[]> {
  const shifted = (by: number): Promise<number[]> =>
    numbers(() => f(at.map((x, i) => tf.add(x, tf.mul(v[i] as tf.Tensor, by)))));
  const [plus, minus] = [await shifted(h), await shifted(-h)];
  return plus.map((value, i) => (value - (minus[i] as number)) / (2 * h));
}

/**
 * Richardson's combination of two central differences, error of order h⁴: with float32 that
 * leaves a step of 0.02 to 0.1, at which rounding is small as well.
 */
async function differences(
  f: (inputs: tf.Tensor[]) => tf.Tensor | readonly tf.Tensor[],
  { at, v, h }: Point,
): Promise<number[]> {
  const wide = await centralDifference(f, { at, v, h });
  const narrow = await centralDifference(f, { at, v, h: h / 2 });
  return narrow.map((value, i) => (4 * value - (wide[i] as number)) / 3);
}

/** ⟨∇loss, v⟩, exactly and by differences of the loss. */
export async function firstDerivatives(
  loss: Loss,
  at: tf.Tensor[],
  v: tf.Tensor[],
): Promise<[number, number]> {
  const exact = await numbers(() =>
    tf
      .grads(loss)(at)
      .map((g, i) => tf.sum(tf.mul(g, v[i] as tf.Tensor))),
  );
  const [difference = NaN] = await differences((inputs) => loss(...inputs), { at, v, h: 0.05 });
  return [exact.reduce((a, b) => a + b), difference];
}

/** The Hessian-vector product, exactly and by differences of the gradient. */
export async function secondDerivatives(
  loss: Loss,
  at: tf.Tensor[],
  v: tf.Tensor[],
): Promise<[number[], number[]]> {
  return [
    await hessianVector(loss, at, v),
    await differences((inputs) => tf.grads(loss)(inputs), { at, v, h: 0.05 }),
  ];
}
