import * as tf from '@tensorflow/tfjs-core';
import type { LayerValues, QuantityKey } from '../../shared/quantities';
import type { ParameterMap } from '../adapters/trainable-model';
import { changeOfProduct } from '../algebra/change-of-product';
import { trace } from '../algebra/small-matrix';
import { zip } from '../algebra/zip';
import { pairBalancednessRate } from '../theory/theorem1';
import type { LossAndGradients } from './gradients';
import { layerMetrics } from './layer-metrics';
import { measureModules, type MeasuredModules } from './measured-modules';
import type { MethodContext, StepInput } from './method';
import { targetKey } from './perturbed-parameters';
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
export async function pairMetrics(context: MethodContext, step: PairStep): Promise<LayerValues> {
  if (context.model.modules.length === 0) return {};
  const onB = await measured(context, step, 'B');
  if (step.e.size === 0)
    return layerMetrics(
      onB.geometries.map((at) => ({ clean: at, at })),
      0,
      'B',
    );
  const onA = await measured(context, step, 'A');
  const modules = zip(onB.geometries, zip(onA.applied, onB.applied)).map(([at, [a, b]]) => ({
    ...{ at, e: { onA: a, onB: b } },
    clean: { kA: a.cleanGram, eigenA: a.cleanEigen, kB: b.cleanGram, eigenB: b.cleanEigen },
  }));
  const columns = {
    normE: modules.map(({ at: { rank }, e }) =>
      Math.sqrt(trace(e.onA.gram, rank) + trace(e.onB.gram, rank)),
    ),
    rhoUse: modules.map(({ at, e, clean }) => changeOfProduct(e, { kA: at.kA, kB: clean.kB }, at)),
    balancednessRate: modules.map(({ at, e }) => pairBalancednessRate(e, at.rank)),
  } satisfies Partial<Record<QuantityKey, number[]>>;
  return { ...layerMetrics(modules, 0, 'B'), ...columns };
}

/** The point, and what led to it along one factor: zeros where that was not moved. */
async function measured(
  { model: { modules }, config }: MethodContext,
  { parameters, point, e, second }: PairStep,
  target: 'A' | 'B',
): Promise<MeasuredModules> {
  const { tau_a, tau_b, gram_dtype } = config;
  const keys = modules.map((module) => targetKey(module, target));
  const zeros = new Map(
    keys
      .filter((key) => !e.has(key))
      .map((key) => [key, tf.zerosLike(parameters.get(key) as tf.Tensor)]),
  );
  const perturbation = new Map([...e, ...zeros]);
  const result = await measureModules({
    ...{ modules, parameters: point, gradients: second.gradients },
    options: { tau_a, tau_b, gram_dtype, perturb_target: target },
    ...(e.size > 0 && { applied: { perturbation, clean: parameters } }),
  });
  result.dispose();
  tf.dispose([...zeros.values()]);
  return result;
}
