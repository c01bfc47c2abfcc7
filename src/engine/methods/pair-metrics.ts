import type { Tensor } from '@tensorflow/tfjs-core';
import type { LayerValues, QuantityKey } from '../../shared/quantities';
import type { AdaptedModule, ParameterMap } from '../adapters/trainable-model';
import { changeOfProduct } from '../algebra/change-of-product';
import { norm } from '../algebra/small-matrix';
import { zip } from '../algebra/zip';
import { pairBalancednessRate } from '../theory/theorem1';
import type { LossAndGradients } from './gradients';
import { layerMetrics } from './layer-metrics';
import type { MethodContext, StepInput } from './method';
import { modulePoints } from './module-points';
import type { TensorMap } from './tensor-map';

export interface PairStep extends Pick<StepInput, 'parameters'> {
  /** Where the update gradient was taken. */
  readonly point: ParameterMap;
  /** What was added to get there, by key; may move A, B or both. */
  readonly e: TensorMap;
  /** The gradient there. */
  readonly second: LossAndGradients;
}

/**
 * The every-step quantities of a method that may move both factors: those of the clean pair, and
 * with a perturbation the exact rate of Theorem 1, ⟨E_B, g̃_B⟩ − ⟨E_A, g̃_A⟩, the norm of E in
 * (A, B), and the distance it makes in W. The bounds of Theorem 1 speak of E_A = 0 alone.
 */
export async function pairMetrics(
  { model, config }: MethodContext,
  { parameters, point, e, second }: PairStep,
): Promise<LayerValues> {
  const [at, clean] = await Promise.all([
    modulePoints(model.modules, point, second.gradients, config),
    Promise.all(model.modules.map((module) => readFactors(module, parameters))),
  ]);
  const layers = layerMetrics(
    zip(at, clean).map(([there, here]) => ({ clean: here, at: there })),
    0,
    'B',
  );
  if (e.size === 0) return layers;
  const columns: Record<'normE' | 'rhoUse' | 'balancednessRate', number[]> = {
    normE: [],
    rhoUse: [],
    balancednessRate: [],
  } satisfies Partial<Record<QuantityKey, number[]>>;
  for (const [module, [there, here]] of zip(model.modules, zip(at, clean))) {
    const [eA, eB] = await readPair(module, e);
    columns.normE.push(Math.hypot(norm(eA), norm(eB)));
    columns.rhoUse.push(changeOfProduct(here, there.point, { eA, eB }));
    columns.balancednessRate.push(pairBalancednessRate(there.point, { eA, eB }));
  }
  return { ...layers, ...columns };
}

async function readFactors(module: AdaptedModule, parameters: ParameterMap) {
  const read = async (key: string) =>
    (await (parameters.get(key) as Tensor).data()) as Float32Array;
  const { out, in: width, rank, scaling, loraA, loraB } = module;
  return { out, in: width, rank, scaling, loraA: await read(loraA), loraB: await read(loraB) };
}

/** E_A [r, m] and E_B [n, r]; zeros where the factor was not moved. */
async function readPair(
  { loraA, loraB, in: width, out, rank }: AdaptedModule,
  e: TensorMap,
): Promise<[Float32Array, Float32Array]> {
  const read = async (tensor: Tensor | undefined, size: number) =>
    tensor ? ((await tensor.data()) as Float32Array) : new Float32Array(size);
  return [await read(e.get(loraA), rank * width), await read(e.get(loraB), out * rank)];
}
