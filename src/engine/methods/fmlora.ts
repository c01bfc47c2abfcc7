import * as tf from '@tensorflow/tfjs-core';
import { perturbations, type Perturbation } from '../algebra/perturbation';
import { zip } from '../algebra/zip';
import { lossAndGradients } from './gradients';
import { layerMetrics, type ModuleStep } from './layer-metrics';
import { measureModules, type MeasuredModules } from './measured-modules';
import type { MethodContext, Method, StepInput, StepOutput } from './method';
import { perturb } from './perturbed-parameters';

/** Moves the seed of the second pass when it is to draw its own dropout masks. */
const RESAMPLE = 0x9e3779b9;

/**
 * FMLoRA: SAM whose perturbation of W is carried by B (Eqs. 9-15, Algorithm 1). First pass at the
 * clean weights for E_B, second pass at B + E_B for the update; L₂ − L₁ is the SAM sharpness.
 */
export function createFmlora({ model, config }: MethodContext): Method {
  const { modules } = model;
  return {
    async step({
      parameters,
      microBatches,
      dropout,
      rho,
      metrics,
    }: StepInput): Promise<StepOutput> {
      const first = await lossAndGradients(model, parameters, microBatches, dropout);
      const at = { modules, options: config };
      const clean = await measureModules({ ...at, parameters, gradients: first.gradients });
      const computed = perturbations(clean.geometries, rho, config);
      const e = clean.perturbation(computed);
      clean.dispose();
      tf.dispose([...first.gradients.values()]);

      const perturbed = perturb(parameters, e);
      const masks =
        config.rng === 'replay' ? dropout : dropout?.map(({ seed }) => ({ seed: seed ^ RESAMPLE }));
      const second = await lossAndGradients(model, perturbed.parameters, microBatches, masks);
      const there = metrics
        ? await measureModules({
            ...at,
            parameters: perturbed.parameters,
            gradients: second.gradients,
            applied: { perturbation: e, clean: parameters },
          })
        : undefined;
      there?.dispose();
      perturbed.dispose();
      tf.dispose([...e.values()]);

      return {
        loss: first.loss,
        lossPerturbed: second.loss,
        gradients: second.gradients,
        degenerate: computed.filter((p) => p.degenerate).length,
        layers: layerMetrics(
          there ? moduleSteps(there, clean, computed) : [],
          rho,
          config.perturb_target,
        ),
      };
    },
    saveState: async () => new Map(),
    restoreState: () => undefined,
    dispose: () => undefined,
  };
}

function moduleSteps(
  perturbed: MeasuredModules,
  clean: MeasuredModules,
  computed: readonly Perturbation[],
): ModuleStep[] {
  return zip(zip(clean.geometries, computed), zip(perturbed.geometries, perturbed.applied)).map(
    ([[before, p], [at, applied]]) => ({ clean: before, at, applied, computed: p }),
  );
}
