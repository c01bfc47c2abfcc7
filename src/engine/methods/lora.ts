import { lossAndGradients } from './gradients';
import { layerMetrics } from './layer-metrics';
import { measureModules } from './measured-modules';
import type { MethodContext, Method, StepInput, StepOutput } from './method';

/** Plain LoRA: the gradient at the clean weights. */
export function createLora({ model, config }: MethodContext): Method {
  return {
    async step(input: StepInput): Promise<StepOutput> {
      const { parameters, microBatches, dropout, metrics } = input;
      const { loss, gradients } = await lossAndGradients(model, parameters, microBatches, dropout);
      if (!metrics) return { loss, gradients, degenerate: 0, layers: {} };
      const measured = await measureModules({
        modules: model.modules,
        parameters,
        gradients,
        options: config,
      });
      measured.dispose();
      const steps = measured.geometries.map((at) => ({ clean: at, at }));
      const layers = layerMetrics(steps, 0, config.perturb_target);
      return { loss, gradients, degenerate: 0, layers };
    },
    saveState: async () => new Map(),
    restoreState: () => undefined,
    dispose: () => undefined,
  };
}
