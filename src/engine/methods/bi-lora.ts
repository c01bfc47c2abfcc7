import * as tf from '@tensorflow/tfjs-core';
import { secondKey } from '../adapters/extra-terms';
import { generatorFor, uniform } from '../adapters/initialise';
import type { AdaptedModule, ParameterMap } from '../adapters/trainable-model';
import { crossOfColumns, gramOfRows, traceOfProduct } from '../algebra/small-matrix';
import { plainStep, STATELESS } from './ascent';
import type { Method, MethodContext, StepInput } from './method';
import { disposeAll, mapTensors, type TensorMap } from './tensor-map';

/**
 * Bi-LoRA (arXiv 2508.19564): W0 + sB₁A₁ + B₂A₂. One backward pass; the optimizer descends pair 1,
 * and pair 2 ascends by A₂ ← A₂ + η g, B₂ ← B₂ + η g with the same η. Then, if
 * c = √Σ‖B₂A₂‖² > ρ, every B₂ and A₂ is multiplied by √(ρ/c), which makes the joint norm ρ.
 * Pair 2 is the method's own: it is in the checkpoint as its state, and not in the adapter.
 */
export function createBiLora(context: MethodContext): Method {
  const { model, config } = context;
  let second = new Map<string, tf.Tensor>();

  async function ascend(gradients: TensorMap, lr: number, rho: number): Promise<void> {
    const up = mapTensors(second, (value, key) =>
      tf.add(value, tf.mul(gradients.get(key) as tf.Tensor, lr)),
    );
    const norm = await jointNorm(model.modules, up, config.bi_lora_r);
    const factor = norm > rho ? Math.sqrt(rho / norm) : 1;
    disposeAll(second);
    second = factor === 1 ? up : mapTensors(up, (value) => tf.mul(value, factor));
    if (second !== up) disposeAll(up);
  }

  return {
    ...STATELESS,
    async step(input: StepInput) {
      if (second.size === 0) second = freshPairs(model.modules, config.bi_lora_r, input.at.seed);
      const parameters: ParameterMap = new Map([...input.parameters, ...second]);
      const output = await plainStep(context, { ...input, parameters });
      await ascend(output.gradients, input.at.lr, input.rho);
      const gradients = new Map(output.gradients);
      for (const key of second.keys()) {
        gradients.get(key)?.dispose();
        gradients.delete(key);
      }
      return { ...output, gradients };
    },
    async saveState() {
      const entries = [...second].map(
        async ([key, tensor]) =>
          [key, { shape: tensor.shape, values: (await tensor.data()) as Float32Array }] as const,
      );
      return new Map(await Promise.all(entries));
    },
    restoreState(state) {
      disposeAll(second);
      second = new Map(
        [...state].map(([key, { shape, values }]) => [key, tf.tensor(values, shape, 'float32')]),
      );
    },
    dispose: () => disposeAll(second),
  };
}

/** A₂ as a fresh A, B₂ = 0. */
function freshPairs(
  modules: readonly AdaptedModule[],
  rank: number,
  seed: number,
): Map<string, tf.Tensor> {
  return new Map(
    modules.flatMap(({ loraA, loraB, in: width, out }): [string, tf.Tensor][] => {
      const key = secondKey(loraA);
      const a = uniform(rank * width, 1 / Math.sqrt(width), generatorFor(seed, key));
      return [
        [key, tf.tensor2d(a, [rank, width])],
        [secondKey(loraB), tf.zeros([out, rank])],
      ];
    }),
  );
}

/** √Σ‖B₂A₂‖² = √Σ tr(B₂ᵀB₂ A₂A₂ᵀ), in float64. */
async function jointNorm(
  modules: readonly AdaptedModule[],
  pairs: TensorMap,
  rank: number,
): Promise<number> {
  let square = 0;
  for (const { loraA, loraB, in: width, out } of modules) {
    const [a, b] = await Promise.all(
      [loraA, loraB].map(async (key) => {
        const tensor = pairs.get(secondKey(key)) as tf.Tensor;
        return (await tensor.data()) as Float32Array;
      }) as [Promise<Float32Array>, Promise<Float32Array>],
    );
    square += traceOfProduct(crossOfColumns(b, b, out, rank), gramOfRows(a, rank, width), rank);
  }
  return Math.sqrt(Math.max(0, square));
}
