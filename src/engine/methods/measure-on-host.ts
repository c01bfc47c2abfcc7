import * as tf from '@tensorflow/tfjs-core';
import { appliedGrams, densePerturbation } from '../algebra/applied-perturbation';
import {
  moduleGeometry,
  moduleGrams,
  type ModuleGeometry,
  type ModulePoint,
} from '../algebra/module-geometry';
import { literalDirection, literalGrams } from '../algebra/literal-sign';
import { crossOfColumns, gramOfRows, symmetricEigen } from '../algebra/small-matrix';
import { zip } from '../algebra/zip';
import type { AdaptedModule } from '../adapters/trainable-model';
import type {
  AppliedModule,
  MeasuredModules,
  MeasureOptions,
  MeasureRequest,
} from './measured-modules';
import { targetKey } from './perturbed-parameters';

/** Downloads A, B, g_A and g_B once each; Grams are float64 from the start. */
export async function measureOnHost(request: MeasureRequest): Promise<MeasuredModules> {
  const { modules, options } = request;
  const target = options.perturb_target;
  const measured = (await Promise.all(modules.map((module) => pointOf(module, request)))).map(
    (point) => measurePoint(point, options),
  );
  const points = measured.map(({ point }) => point);
  return {
    geometries: measured.map(({ geometry }) => geometry),
    applied: await Promise.all(zip(modules, points).flatMap(appliedTo(request))),
    perturbation: (computed) =>
      new Map(
        zip(modules, zip(points, computed)).map(([module, [point, perturbation]]) => [
          targetKey(module, target),
          tf.tensor2d(
            new Float32Array(densePerturbation(point, perturbation, target)),
            target === 'B' ? [module.out, module.rank] : [module.rank, module.in],
          ),
        ]),
      ),
    dispose: () => undefined,
  };
}

function measurePoint(
  point: ModulePoint,
  options: MeasureOptions,
): { readonly point: ModulePoint; readonly geometry: ModuleGeometry } {
  const geometry = moduleGeometry(moduleGrams(point), options);
  if (options.perturb_sign !== 'literal') return { point, geometry };
  const { perturb_target: target, grad_estimator = 'paper_mean' } = options;
  const literal = literalDirection(point, geometry, { estimator: grad_estimator, target });
  return {
    point: { ...point, literal },
    geometry: { ...geometry, literal: literalGrams(literal, point, target) },
  };
}

/** A, B, g_A and g_B of a module. */
export async function pointOf(
  { out, in: width, rank, scaling, loraA, loraB }: AdaptedModule,
  { parameters, gradients }: Pick<MeasureRequest, 'parameters' | 'gradients'>,
): Promise<ModulePoint> {
  const [a, b, gradA, gradB] = await Promise.all([
    read(parameters, loraA),
    read(parameters, loraB),
    read(gradients, loraA),
    read(gradients, loraB),
  ]);
  return { out, in: width, rank, scaling, loraA: a, loraB: b, gradA, gradB };
}

function appliedTo({ applied, options }: MeasureRequest) {
  const target = options.perturb_target;
  return ([module, point]: [AdaptedModule, ModulePoint]): Promise<AppliedModule>[] =>
    applied ? [of(module, point, applied)] : [];

  async function of(
    module: AdaptedModule,
    point: ModulePoint,
    { perturbation, clean }: NonNullable<MeasureRequest['applied']>,
  ): Promise<AppliedModule> {
    const key = targetKey(module, target);
    const [e, factor] = await Promise.all([read(perturbation, key), read(clean, key)]);
    const { out, in: width, rank } = module;
    const cleanGram =
      target === 'B' ? crossOfColumns(factor, factor, out, rank) : gramOfRows(factor, rank, width);
    const cleanEigen = symmetricEigen(cleanGram, rank);
    return { ...appliedGrams(e, point, target), cleanGram, cleanEigen };
  }
}

async function read(tensors: ReadonlyMap<string, tf.Tensor>, key: string): Promise<Float32Array> {
  const tensor = tensors.get(key);
  if (!tensor) throw new Error(`no tensor named ${key}`);
  return (await tensor.data()) as Float32Array;
}
