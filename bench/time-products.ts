import * as tf from '@tensorflow/tfjs-core';
import type { Product } from './flops';

/** One product of the largest kind takes this long at most before it is timed only once. */
const ENOUGH_MS = 40;

/**
 * Milliseconds of each product on the current backend: plain operands, nothing transposed, repeated
 * until there is something to measure. Only the last result is waited for: a device computes in order.
 */
export async function timeProducts(products: readonly Product[]): Promise<number[]> {
  const times: number[] = [];
  for (const product of products) times.push(await timeProduct(product));
  return times;
}

async function timeProduct({ m, k, n, batches }: Product): Promise<number> {
  const a = tf.randomUniform([batches, m, k], -1, 1, 'float32', 1);
  const b = tf.randomUniform([batches, k, n], -1, 1, 'float32', 2);
  const [left, right] = batches > 1 ? [a, b] : [tf.reshape(a, [m, k]), tf.reshape(b, [k, n])];
  const run = async (count: number): Promise<number> => {
    const started = performance.now();
    for (let i = 1; i < count; i++) tf.matMul(left, right).dispose();
    const last = tf.matMul(left, right);
    const corner = tf.slice(tf.reshape(last, [-1]), 0, 1);
    await corner.data();
    const elapsed = performance.now() - started;
    tf.dispose([last, corner]);
    return elapsed;
  };
  const first = await run(1); // brings operands to the device, and warms the caches
  const repeats = Math.max(1, Math.min(200, Math.floor(ENOUGH_MS / Math.max(first, 0.01))));
  const elapsed = await run(repeats);
  tf.dispose([a, b, left, right]);
  return elapsed / repeats;
}
