import * as tf from '@tensorflow/tfjs-core';
import { alignment } from '../algebra/applied-perturbation';
import { perturbations, type Perturbation } from '../algebra/perturbation';
import { zip } from '../algebra/zip';
import type { ParameterMap } from '../adapters/trainable-model';
import { lossAndGradients } from './gradients';
import { layerMetrics, type ModuleStep } from './layer-metrics';
import { measureModules, type MeasuredModules } from './measured-modules';
import type { MethodContext, Method, StepInput, StepOutput } from './method';
import { perturb } from './perturbed-parameters';
import { rescaled } from './rescaled';

/**
 * EFMLoRA (Algorithm 2, Eq. 18): one pass, at B + Ê_{t−1}; the E_t computed there from (A, B̃, g̃)
 * enters the average Ê_t = (1 − β) Ê_{t−1} + β E_t. The first step has no average and runs clean.
 */
export function createEfmlora({ model, config }: MethodContext): Method {
  const { modules } = model;
  const target = config.perturb_target;
  const weightOfNew = config.ema_convention === 'paper' ? config.beta : 1 - config.beta;
  /** Ê_{t−1} by parameter key; empty before the first step. */
  let average = new Map<string, tf.Tensor>();

  /** Ê_{t−1} as it is applied: as it is, or rescaled to radius ρ_t with today's factors. */
  async function applied(
    parameters: ParameterMap,
    rho: number,
  ): Promise<ReadonlyMap<string, tf.Tensor>> {
    if (!config.ema_renormalize || average.size === 0) return average;
    return rescaled(average, { modules, parameters, target, rho });
  }

  /** Takes over the tensors of `computed`. */
  function updateAverage(computed: Map<string, tf.Tensor>): void {
    if (average.size === 0 && config.ema_init === 'first') {
      average = computed;
      return;
    }
    const next = new Map<string, tf.Tensor>();
    for (const [key, e] of computed) {
      const before = average.get(key);
      const share = tf.tidy(() => {
        const fresh = tf.mul(e, weightOfNew);
        return before ? tf.add(tf.mul(before, 1 - weightOfNew), fresh) : fresh;
      });
      next.set(key, share);
    }
    tf.dispose([...average.values(), ...computed.values()]);
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
      const perturbed = perturb(parameters, eHat);
      const { loss, gradients } = await lossAndGradients(
        model,
        perturbed.parameters,
        microBatches,
        dropout,
      );
      const measured = await measureModules({
        modules,
        parameters: perturbed.parameters,
        gradients,
        options: config,
        ...(metrics && eHat.size > 0 && { applied: { perturbation: eHat, clean: parameters } }),
      });
      const computed = perturbations(measured.geometries, rho, config);
      const e = measured.perturbation(computed);
      measured.dispose();
      perturbed.dispose();
      if (eHat !== average) tf.dispose([...eHat.values()]);
      updateAverage(e);
      return {
        loss,
        gradients,
        degenerate: computed.filter((p) => p.degenerate).length,
        layers: layerMetrics(metrics ? moduleSteps(measured, computed, target) : [], rho, target),
      };
    },

    async saveState() {
      const entries = [...average].map(async ([key, tensor]) => {
        const values = (await tensor.data()) as Float32Array;
        return [key, { shape: tensor.shape, values }] as const;
      });
      return new Map(await Promise.all(entries));
    },
    restoreState(state) {
      tf.dispose([...average.values()]);
      average = new Map(
        [...state].map(([key, { shape, values }]) => [key, tf.tensor(values, shape)]),
      );
    },
    dispose: () => tf.dispose([...average.values()]),
  };
}

function moduleSteps(
  { geometries, applied }: MeasuredModules,
  computed: readonly Perturbation[],
  target: 'A' | 'B',
): ModuleStep[] {
  return zip(geometries, computed).map(([at, p], i) => {
    const e = applied[i];
    // The first step is clean.
    if (!e) return { clean: at, at, computed: p };
    const clean =
      target === 'B'
        ? { ...at, kB: e.cleanGram, eigenB: e.cleanEigen }
        : { ...at, kA: e.cleanGram, eigenA: e.cleanEigen };
    return { clean, at, applied: e, computed: p, alignment: alignment(e, p, at.rank, target) };
  });
}
