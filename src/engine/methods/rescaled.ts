import * as tf from '@tensorflow/tfjs-core';
import { radiusInW } from '../algebra/module-geometry';
import { crossOfColumns, gramOfRows } from '../algebra/small-matrix';
import type { AdaptedModule, ParameterMap } from '../adapters/trainable-model';
import { targetKey } from './perturbed-parameters';

export interface RescaleRequest {
  readonly modules: readonly AdaptedModule[];
  readonly parameters: ParameterMap;
  readonly target: 'A' | 'B';
  readonly rho: number;
}

/** Perturbations scaled so that each reaches radius ρ in W with the factors given; new tensors. */
export async function rescaled(
  perturbation: ReadonlyMap<string, tf.Tensor>,
  { modules, parameters, target, rho }: RescaleRequest,
): Promise<Map<string, tf.Tensor>> {
  const entries = modules.map(async (module) => {
    const key = targetKey(module, target);
    const tensor = perturbation.get(key) as tf.Tensor;
    const other = parameters.get(target === 'B' ? module.loraA : module.loraB) as tf.Tensor;
    const [e, factor] = (await Promise.all([tensor.data(), other.data()])) as [
      Float32Array,
      Float32Array,
    ];
    const columns = (m: Float32Array) => crossOfColumns(m, m, module.out, module.rank);
    const rows = (m: Float32Array) => gramOfRows(m, module.rank, module.in);
    const reached =
      target === 'B'
        ? radiusInW(columns(e), rows(factor), module)
        : radiusInW(rows(e), columns(factor), module);
    return [key, tf.mul(tensor, reached > 0 ? rho / reached : 1)] as const;
  });
  return new Map(await Promise.all(entries));
}
