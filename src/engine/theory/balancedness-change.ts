import * as tf from '@tensorflow/tfjs-core';
import type { LayerValues } from '../../shared/quantities';
import type { AdaptedModule, ParameterMap } from '../adapters/trainable-model';

export interface UpdateFacts {
  readonly before: ParameterMap;
  readonly after: ParameterMap;
  /** The gradients that the optimizer was given, after clipping. */
  readonly gradients: ReadonlyMap<string, tf.Tensor>;
  /** η. */
  readonly lr: number;
  /** λ, decoupled. */
  readonly decay: number;
  /** What clipping multiplied the gradients by. */
  readonly clipFactor: number;
  /** Whether the update was SGD's without momentum, and nothing else moved the weights. */
  readonly plainSgd: boolean;
}

/**
 * The measured rate of the balancedness over one step, Δ𝔅/η, and the same without what the step's
 * size and the decay contribute, which under SGD is d𝔅/dt = ⟨E, g̃_B⟩ (for gradients before
 * clipping). 𝔅_{t+1} − 𝔅_t is summed from products of change and sum, ½⟨B′ − B, B′ + B⟩ −
 * ½⟨A′ − A, A′ + A⟩, on the device: a difference of two norms would be rounding alone.
 */
export async function balancednessChange(
  modules: readonly AdaptedModule[],
  facts: UpdateFacts,
): Promise<LayerValues> {
  const { before, after, gradients, lr, decay, clipFactor: c, plainSgd } = facts;
  if (modules.length === 0 || !(lr > 0)) return {};
  const sums = tf.tidy(() =>
    tf.stack(
      modules.flatMap(({ loraA, loraB }) =>
        [loraB, loraA].flatMap((key) => {
          const [old, next] = [before.get(key), after.get(key)] as [tf.Tensor, tf.Tensor];
          const g = gradients.get(key);
          return [
            tf.sum(tf.mul(tf.sub(next, old), tf.add(next, old))),
            g && plainSgd ? tf.sum(tf.square(g)) : tf.scalar(0),
            tf.sum(tf.square(old)),
          ];
        }),
      ),
    ),
  );
  const values = await sums.data();
  sums.dispose();
  const rows = modules.map((_m, i) => {
    const [changeB, squareB, b, changeA, squareA, a] = Array.from(
      values.subarray(6 * i, 6 * i + 6),
    ) as [number, number, number, number, number, number];
    const change = 0.5 * (changeB - changeA);
    const kept = 1 - lr * decay;
    // 𝔅′ − (1−ηλ)²𝔅 = (𝔅′ − 𝔅) + (1 − (1−ηλ)²)𝔅
    const byDecay = (1 - kept ** 2) * 0.5 * (b - a);
    const bySize = 0.5 * lr ** 2 * (squareB - squareA);
    return {
      measured: change / lr,
      corrected: plainSgd ? (change + byDecay - bySize) / (c * lr * kept) : NaN,
    };
  });
  return {
    measuredRate: rows.map(({ measured }) => measured),
    ...(plainSgd && { correctedRate: rows.map(({ corrected }) => corrected) }),
  };
}
