import type * as tf from '@tensorflow/tfjs-core';
import type { AppliedGrams } from '../algebra/applied-perturbation';
import type { ModuleGeometry } from '../algebra/module-geometry';
import type { Perturbation, PerturbationOptions } from '../algebra/perturbation';
import type { Config } from '../../shared/config/schema';
import type { SymmetricEigen } from '../algebra/small-matrix';
import type { AdaptedModule, ParameterMap } from '../adapters/trainable-model';
import { hasHostTensors } from '../backends/tensor-place';
import { measureOnDevice } from './measure-on-device';
import { measureOnHost } from './measure-on-host';

/** What the algebra knows of all modules at the point where a gradient was taken. */
export interface MeasuredModules {
  readonly geometries: readonly ModuleGeometry[];
  /** What was asked for of a perturbation that led to this point; else empty. */
  readonly applied: readonly AppliedModule[];
  /**
   * E of every module as a tensor, by the key of the factor it is added to; float32, computed here
   * from the values at this point. The caller disposes them.
   */
  perturbation(computed: readonly Perturbation[]): Map<string, tf.Tensor>;
  dispose(): void;
}

export interface AppliedModule extends AppliedGrams {
  /** Of the target factor before the perturbation was added. */
  readonly cleanGram: Float64Array;
  readonly cleanEigen: SymmetricEigen;
}

export interface MeasureRequest {
  readonly modules: readonly AdaptedModule[];
  /** Where the gradients were taken. */
  readonly parameters: ParameterMap;
  /** Raw, before clipping; a common scale of them does not move the perturbation. */
  readonly gradients: ReadonlyMap<string, tf.Tensor>;
  readonly options: MeasureOptions;
  /** The perturbation in `parameters`, by key, and the parameters without it. */
  readonly applied?: {
    readonly perturbation: ReadonlyMap<string, tf.Tensor>;
    readonly clean: ParameterMap;
  };
}

/** `perturb_sign` and the estimator count where a perturbation of the literal sign is asked for. */
export type MeasureOptions = Pick<PerturbationOptions, 'tau_a' | 'tau_b' | 'perturb_target'> &
  Partial<Pick<Config['method'], 'gram_dtype' | 'perturb_sign' | 'grad_estimator'>>;

/**
 * The r x r geometry of every module. The thin matrices meet only in here and in what it returns;
 * the rest of a method sees r x r.
 */
export async function measureModules(request: MeasureRequest): Promise<MeasuredModules> {
  return isForHost(request.options) ? measureOnHost(request) : measureOnDevice(request);
}

/** Float32 Grams are those that are made of tensors; the literal sign has no r x r form. */
function isForHost({ gram_dtype = 'auto', perturb_sign }: MeasureOptions): boolean {
  if (perturb_sign === 'literal' || gram_dtype === 'float64') return true;
  return gram_dtype === 'auto' && hasHostTensors();
}
