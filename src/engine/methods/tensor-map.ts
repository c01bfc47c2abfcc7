import * as tf from '@tensorflow/tfjs-core';

/** Tensors by parameter key: a gradient, or a direction, as one vector. */
export type TensorMap = ReadonlyMap<string, tf.Tensor>;

/** A part of the parameters or gradients, in the order of `keys`; what is missing is our bug. */
export function pickTensors(map: TensorMap, keys: readonly string[]): Map<string, tf.Tensor> {
  return new Map(
    keys.map((key) => {
      const tensor = map.get(key);
      if (!tensor) throw new Error(`no tensor named ${key}`);
      return [key, tensor] as const;
    }),
  );
}

/** ⟨x, y⟩ of each key of `x`; sums of squares of float32, added up in float64 by the caller. */
export async function innerProducts(x: TensorMap, y: TensorMap): Promise<Map<string, number>> {
  const keys = [...x.keys()];
  if (keys.length === 0) return new Map();
  const sums = tf.tidy(() =>
    tf.stack(keys.map((key) => tf.sum(tf.mul(x.get(key) as tf.Tensor, y.get(key) as tf.Tensor)))),
  );
  const values = await sums.data();
  sums.dispose();
  return new Map(keys.map((key, i) => [key, values[i] as number]));
}

/** ⟨x, y⟩ of all keys of `x` together. */
export async function inner(x: TensorMap, y: TensorMap): Promise<number> {
  return total(await innerProducts(x, y));
}

/** Norm of all together. */
export async function normOf(x: TensorMap): Promise<number> {
  return Math.sqrt(await inner(x, x));
}

export function total(parts: ReadonlyMap<string, number>): number {
  return [...parts.values()].reduce((sum, part) => sum + part, 0);
}

/** New tensors, one for each key; temporary ones are freed. */
export function mapTensors(
  x: TensorMap,
  f: (tensor: tf.Tensor, key: string) => tf.Tensor,
): Map<string, tf.Tensor> {
  return new Map([...x].map(([key, tensor]) => [key, tf.tidy(() => f(tensor, key))]));
}

/** Σ weight · map over maps of equal keys, as new tensors. */
export function combine(
  ...terms: readonly (readonly [weight: number, map: TensorMap])[]
): Map<string, tf.Tensor> {
  const [first, ...rest] = terms;
  if (!first) throw new Error('a sum needs a term');
  return mapTensors(first[1], (tensor, key) =>
    rest.reduce(
      (sum, [weight, map]) => tf.add(sum, tf.mul(map.get(key) as tf.Tensor, weight)),
      tf.mul(tensor, first[0]),
    ),
  );
}

export function disposeAll(...maps: readonly TensorMap[]): void {
  for (const map of maps) tf.dispose([...map.values()]);
}
