import * as tf from '@tensorflow/tfjs-core';
import { perturbations, type Perturbation } from '../algebra/perturbation';
import { zip } from '../algebra/zip';
import { laterMasks, STATELESS } from './ascent';
import { lossAndGradients } from './gradients';
import { layerMetrics, type ModuleStep } from './layer-metrics';
import { measureModules, type MeasuredModules } from './measured-modules';
import type { MethodContext, Method, StepInput, StepOutput } from './method';
import { perturb } from './perturbed-parameters';

/**
 * FMLoRA: SAM whose perturbation of W is carried by B (Eqs. 9-15, Algorithm 1). First pass at the
 * clean weights for E_B, second pass at B + E_B for the update; L₂ − L₁ is the SAM sharpness.
 */
export function createFmlora({ model, config }: MethodContext): Method {
  const { modules } = model;
  return {
    ...STATELESS,
    async step({
      parameters,
      microBatches,
      dropout,
      rho,
      metrics,
    }: StepInput): Promise<StepOutput> {
      const first = await lossAndGradients(model, parameters, microBatches, dropout);
      const { gradients } = first;
      const clean = await measureModules({ modules, options: config, parameters, gradients });
      const computed = perturbations(clean.geometries, rho, config);
      const e = clean.perturbation(computed);
      clean.dispose();
      tf.dispose([...gradients.values()]);

      const perturbed = perturb(parameters, e);
      // ρ_t = 0 is plain training, with its masks.
      const masks = rho > 0 ? laterMasks(config, dropout) : dropout;
      const second = await lossAndGradients(model, perturbed.parameters, microBatches, masks);
      const there = metrics
        ? await measureModules({
            modules,
            // Nothing is computed from there: the literal sign's [n, m] would be for nothing.
            options: { ...config, perturb_sign: 'sam' },
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
