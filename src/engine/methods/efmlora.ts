import * as tf from '@tensorflow/tfjs-core';
import { perturbations, radiusInW, type Perturbation } from '../algebra/perturbation';
import { crossOfColumns, gramOfRows } from '../algebra/small-matrix';
import { zip } from '../algebra/zip';
import type { AdaptedModule, ParameterMap } from '../adapters/trainable-model';
import { lossAndGradients } from './gradients';
import { layerMetrics, type ModuleStep } from './layer-metrics';
import type { MethodContext, Method, StepInput, StepOutput } from './method';
import { modulePoints } from './module-points';
import { perturb, perturbationTensor, targetKey } from './perturbed-parameters';

/**
 * EFMLoRA (Algorithm 2, Eq. 18): one pass, at B + Ê_{t−1}; the E_t computed there from (A, B̃, g̃)
 * enters the average Ê_t = (1 − β) Ê_{t−1} + β E_t. The first step has no average and runs clean.
 */
export function createEfmlora({ model, config }: MethodContext): Method {
  const target = config.perturb_target;
  const onB = target === 'B';
  const weightOfNew = config.ema_convention === 'paper' ? config.beta : 1 - config.beta;
  /** Ê_{t−1} by parameter key, host values; empty before the first step. */
  let average = new Map<string, Float32Array>();

  /** Ê_{t−1} as it is applied: as it is, or rescaled to radius ρ_t with today's factors. */
  async function applied(
    parameters: ParameterMap,
    rho: number,
  ): Promise<ReadonlyMap<string, Float32Array>> {
    if (!config.ema_renormalize || average.size === 0) return average;
    const entries = model.modules.map(async (module) => {
      const e = average.get(targetKey(module, target)) as Float32Array;
      const reached = radiusInW(e, await otherGram(module, parameters, onB), module, onB);
      const scaled = reached > 0 ? e.map((value) => (value * rho) / reached) : e;
      return [targetKey(module, target), scaled] as const;
    });
    return new Map(await Promise.all(entries));
  }

  function updateAverage(computed: readonly Perturbation[]): void {
    const isFirst = average.size === 0;
    const next = new Map<string, Float32Array>();
    for (const [module, { e }] of zip(model.modules, computed)) {
      const key = targetKey(module, target);
      const before = average.get(key);
      next.set(
        key,
        isFirst
          ? Float32Array.from(e, (v) => (config.ema_init === 'first' ? v : weightOfNew * v))
          : Float32Array.from(
              e,
              (v, i) => (1 - weightOfNew) * (before?.[i] ?? 0) + weightOfNew * v,
            ),
      );
    }
    average = next;
  }

  return {
    async step({
      parameters,
      microBatches,
      dropout,
      rho,
      metrics,
    }: StepInput): Promise<StepOutput> {
      const eHat = await applied(parameters, rho);
      const tensors = new Map(
        model.modules.flatMap((module) => {
          const values = eHat.get(targetKey(module, target));
          return values
            ? [[targetKey(module, target), perturbationTensor(values, module, target)] as const]
            : [];
        }),
      );
      const perturbed = perturb(parameters, tensors);
      const { loss, gradients } = await lossAndGradients(
        model,
        perturbed.parameters,
        microBatches,
        dropout,
      );
      const points = await modulePoints(model.modules, perturbed.parameters, gradients, config);
      perturbed.dispose();
      tf.dispose([...tensors.values()]);

      const computed = perturbations(points, rho, config);
      const cleanFactors = metrics ? await readFactors(model.modules, parameters) : [];
      const steps: ModuleStep[] = cleanFactors.map((clean, i) => {
        const [at, p] = [points[i], computed[i]] as [ModuleStep['at'], Perturbation];
        const module = model.modules[i] as AdaptedModule;
        const e = eHat.get(targetKey(module, target));
        return { clean, at, computed: p, ...(e && { applied: e }) };
      });
      updateAverage(computed);
      return {
        loss,
        gradients,
        degenerate: computed.filter((p) => p.degenerate).length,
        layers: layerMetrics(steps, rho, target),
      };
    },

    async saveState() {
      return new Map(
        model.modules.flatMap((module) => {
          const key = targetKey(module, target);
          const values = average.get(key);
          const shape = onB ? [module.out, module.rank] : [module.rank, module.in];
          return values ? [[key, { shape, values }] as const] : [];
        }),
      );
    },
    restoreState(state) {
      average = new Map([...state].map(([key, { values }]) => [key, values]));
    },
    dispose: () => undefined,
  };
}

/** K_A, or K_B for target A: the Gram of the factor that the perturbation is multiplied by. */
async function otherGram(
  { loraA, loraB, out, in: width, rank }: AdaptedModule,
  parameters: ParameterMap,
  onB: boolean,
): Promise<Float64Array> {
  const values = await (parameters.get(onB ? loraA : loraB) as tf.Tensor).data();
  return onB
    ? gramOfRows(values as Float32Array, rank, width)
    : crossOfColumns(values as Float32Array, values as Float32Array, out, rank);
}

async function readFactors(
  modules: readonly AdaptedModule[],
  parameters: ParameterMap,
): Promise<ModuleStep['clean'][]> {
  return Promise.all(
    modules.map(async (module) => ({
      out: module.out,
      in: module.in,
      rank: module.rank,
      scaling: module.scaling,
      loraA: (await (parameters.get(module.loraA) as tf.Tensor).data()) as Float32Array,
      loraB: (await (parameters.get(module.loraB) as tf.Tensor).data()) as Float32Array,
    })),
  );
}
