import { lossAndGradients } from './gradients';
import { layerMetrics } from './layer-metrics';
import type { MethodContext, Method, StepInput, StepOutput } from './method';
import { modulePoints } from './module-points';

/** Plain LoRA: the gradient at the clean weights. */
export function createLora({ model, config }: MethodContext): Method {
  return {
    async step(input: StepInput): Promise<StepOutput> {
      const { parameters, microBatches, dropout, metrics } = input;
      const { loss, gradients } = await lossAndGradients(model, parameters, microBatches, dropout);
      const points = metrics
        ? await modulePoints(model.modules, parameters, gradients, config)
        : [];
      const layers = layerMetrics(
        points.map((at) => ({ clean: at.point, at })),
        0,
        config.perturb_target,
      );
      return { loss, gradients, degenerate: 0, layers };
    },
    saveState: async () => new Map(),
    restoreState: () => undefined,
    dispose: () => undefined,
  };
}
