import type * as tf from '@tensorflow/tfjs-core';
import {
  moduleGeometry,
  type ModuleGeometry,
  type PerturbationOptions,
} from '../algebra/perturbation';
import type { AdaptedModule, ParameterMap } from '../adapters/trainable-model';

/**
 * The r x r geometry of every module at the point where `gradients` were taken. Downloads A, B, g_A
 * and g_B: under 1 % of a step on wasm, and the Grams are float64 from the start.
 * @param gradients raw, before clipping; a common scale of them does not move the perturbation
 */
export async function modulePoints(
  modules: readonly AdaptedModule[],
  parameters: ParameterMap,
  gradients: ReadonlyMap<string, tf.Tensor>,
  options: Pick<PerturbationOptions, 'tau_a' | 'tau_b' | 'gram_dtype'>,
): Promise<readonly ModuleGeometry[]> {
  return Promise.all(
    modules.map(async ({ out, in: width, rank, scaling, loraA, loraB }) => {
      const [a, b, gradA, gradB] = await Promise.all([
        read(parameters, loraA),
        read(parameters, loraB),
        read(gradients, loraA),
        read(gradients, loraB),
      ]);
      return moduleGeometry(
        { out, in: width, rank, scaling, loraA: a, loraB: b, gradA, gradB },
        options,
      );
    }),
  );
}

async function read(tensors: ReadonlyMap<string, tf.Tensor>, key: string): Promise<Float32Array> {
  const tensor = tensors.get(key);
  if (!tensor) throw new Error(`no tensor named ${key}`);
  return (await tensor.data()) as Float32Array;
}
