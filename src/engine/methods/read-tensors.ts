import type * as tf from '@tensorflow/tfjs-core';

/** Host values of some tensors, in the order of `keys`. */
export async function readAll(
  tensors: ReadonlyMap<string, tf.Tensor>,
  keys: readonly string[],
): Promise<readonly Float32Array[]> {
  return Promise.all(
    keys.map(async (key) => (await (tensors.get(key) as tf.Tensor).data()) as Float32Array),
  );
}
