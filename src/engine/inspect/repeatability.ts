import * as tf from '@tensorflow/tfjs-core';
import type { LoadedModel } from '../adapters/load-trainable';
import { createObjective } from '../landscape/objective';
import type { PassTimes } from './cost-meter';
import type { ProbeSet } from './probe-set';

/** As curvlinops checks it: float32 sums may differ in their order, and no more. */
const RELATIVE = 5e-5;
const ABSOLUTE = 1e-6;

export interface Repeatability {
  /** Largest difference between two passes beyond what is tolerated, in words; absent: none. */
  readonly difference?: string;
  readonly times: PassTimes;
}

/**
 * Takes loss and gradient of the first batch twice: a curvature, which is a difference of gradients,
 * means nothing where they differ. The second pass is timed, and scaled by tokens.
 * @param onPass awaited before each pass; throws to stop
 */
export async function checkRepeatability(
  { model, initial }: Pick<LoadedModel, 'model' | 'initial'>,
  { batches }: ProbeSet,
  onPass: () => Promise<void>,
): Promise<Repeatability> {
  const [first] = batches;
  if (!first) throw new Error('a probe set has a batch');
  const objective = createObjective({ model, batches: [first], onPass });
  const keys = [...initial.keys()];
  const pass = async () => {
    if (keys.length === 0) return { loss: await objective.loss(initial), gradient: [] };
    const { loss, gradients } = await objective.gradient(initial, keys);
    const gradient = await Promise.all(keys.map((key) => (gradients.get(key) as tf.Tensor).data()));
    tf.dispose([...gradients.values()]);
    return { loss, gradient };
  };
  const a = await pass();
  const started = performance.now();
  const b = await pass();
  const tokens = batches.reduce((sum, { rows, length }) => sum + rows * length, 0);
  const ms = (performance.now() - started) * (tokens / (first.rows * first.length));
  objective.dispose();
  // Two thirds of a pass are its backward half.
  const times =
    keys.length === 0 ? { forward: ms, gradient: 3 * ms } : { forward: ms / 3, gradient: ms };
  if (!close(a.loss, b.loss))
    return { times, difference: `the loss was ${a.loss} and then ${b.loss}` };
  for (const [i, key] of keys.entries()) {
    const [x, y] = [a.gradient[i] ?? [], b.gradient[i] ?? []];
    const j = Array.from(x).findIndex((value, at) => !close(value, y[at] ?? NaN));
    if (j >= 0)
      return { times, difference: `the gradient of ${key} was ${x[j]} and then ${y[j]} at ${j}` };
  }
  return { times };
}

/** Two NaN are equal: that the loss is not finite is for the measures to say. */
function close(a: number, b: number): boolean {
  return Object.is(a, b) || Math.abs(a - b) <= ABSOLUTE + RELATIVE * Math.abs(b);
}
