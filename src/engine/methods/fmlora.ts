import * as tf from '@tensorflow/tfjs-core';
import { perturbations } from '../algebra/perturbation';
import { zip } from '../algebra/zip';
import { lossAndGradients } from './gradients';
import { layerMetrics } from './layer-metrics';
import type { MethodContext, Method, StepInput, StepOutput } from './method';
import { modulePoints } from './module-points';
import { perturb, perturbationTensor, targetKey } from './perturbed-parameters';

/** Moves the seed of the second pass when it is to draw its own dropout masks. */
const RESAMPLE = 0x9e3779b9;

/**
 * FMLoRA: SAM whose perturbation of W is carried by B (Eqs. 9-15, Algorithm 1). First pass at the
 * clean weights for E_B, second pass at B + E_B for the update; L₂ − L₁ is the SAM sharpness.
 */
export function createFmlora({ model, config }: MethodContext): Method {
  const target = config.perturb_target;
  return {
    async step({
      parameters,
      microBatches,
      dropout,
      rho,
      metrics,
    }: StepInput): Promise<StepOutput> {
      const first = await lossAndGradients(model, parameters, microBatches, dropout);
      const clean = await modulePoints(model.modules, parameters, first.gradients, config);
      tf.dispose([...first.gradients.values()]);
      const computed = perturbations(clean, rho, config);

      const e = new Map(
        zip(model.modules, computed).map(([module, p]) => [
          targetKey(module, target),
          perturbationTensor(p.e, module, target),
        ]),
      );
      const perturbed = perturb(parameters, e);
      const masks =
        config.rng === 'replay' ? dropout : dropout?.map(({ seed }) => ({ seed: seed ^ RESAMPLE }));
      const second = await lossAndGradients(model, perturbed.parameters, microBatches, masks);
      const points = metrics
        ? await modulePoints(model.modules, perturbed.parameters, second.gradients, config)
        : [];
      perturbed.dispose();
      tf.dispose([...e.values()]);

      return {
        loss: first.loss,
        lossPerturbed: second.loss,
        gradients: second.gradients,
        degenerate: computed.filter((p) => p.degenerate).length,
        layers: layerMetrics(
          metrics
            ? zip(points, zip(clean, computed)).map(([at, [before, p]]) => ({
                clean: before.point,
                at,
                applied: p.e,
                computed: p,
              }))
            : [],
          rho,
          target,
        ),
      };
    },
    saveState: async () => new Map(),
    restoreState: () => undefined,
    dispose: () => undefined,
  };
}
