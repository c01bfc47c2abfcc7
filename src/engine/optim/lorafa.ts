import * as tf from '@tensorflow/tfjs-core';
import type { AdaptedModule, ParameterMap } from '../adapters/trainable-model';
import { gramOfRows, symmetricEigen, truncatedPower } from '../algebra/small-matrix';

/** PEFT's δ in (A Aᵀ + δI)⁻¹. */
const DELTA = 1e-8;

export interface LoraFa {
  /** Works out (A Aᵀ + δI)⁻¹/s² for each module, once: A never changes. */
  prepare(parameters: ParameterMap): Promise<void>;
  /** The gradients with g_B (A Aᵀ + δI)⁻¹/s² for g_B, as tensors to be disposed by the caller. */
  preconditioned(gradients: ReadonlyMap<string, tf.Tensor>): Map<string, tf.Tensor>;
  dispose(): void;
}

/** LoRA-FA (arXiv 2308.03303), in PEFT's form: the least-squares update of W that B can make. */
export function createLoraFa(modules: readonly AdaptedModule[]): LoraFa {
  let inverses = new Map<string, tf.Tensor2D>();
  const dispose = (): void => {
    tf.dispose([...inverses.values()]);
    inverses = new Map();
  };
  return {
    async prepare(parameters) {
      if (inverses.size > 0) return;
      for (const { loraA, loraB, rank, in: inputs, scaling } of modules) {
        const a = (await (parameters.get(loraA) as tf.Tensor).data()) as Float32Array;
        inverses.set(loraB, tf.tensor2d(scaledInverse(a, { rank, inputs, scaling }), [rank, rank]));
      }
    },
    preconditioned: (gradients) =>
      new Map(
        [...gradients].map(([key, g]) => {
          const inverse = inverses.get(key);
          return [key, inverse ? tf.matMul(g as tf.Tensor2D, inverse) : tf.clone(g)];
        }),
      ),
    dispose,
  };
}

function scaledInverse(
  a: Float32Array,
  { rank, inputs, scaling }: { rank: number; inputs: number; scaling: number },
): Float32Array {
  const gram = gramOfRows(a, rank, inputs);
  for (let i = 0; i < rank; i++) gram[i * rank + i] = (gram[i * rank + i] as number) + DELTA;
  const inverse = truncatedPower(symmetricEigen(gram, rank), 1e-12, -1);
  return Float32Array.from(inverse, (value) => value / scaling ** 2);
}
