import type { AdaptedModule } from '../adapters/trainable-model';
import type { Config } from '../../shared/config/schema';
import { plainStep, STATELESS } from './ascent';
import type { Method, MethodContext, StepInput, StepPoint } from './method';
import { innerProducts, pickTensors, type TensorMap } from './tensor-map';

/**
 * Balancedness-aware regularisation (arXiv 2410.14802): plain training whose step first multiplies
 * one factor of each pair by 1 + α_t η_t and the other by 1 − α_t η_t.
 * @param growsB which one grows, told from the norms of A and B, or of their gradients
 * @param measured whose norms those are
 */
export function createBar(
  context: MethodContext,
  measured: 'weights' | 'gradients',
  growsB: (a: number, b: number) => boolean,
): Method {
  const { model, config } = context;
  return {
    ...STATELESS,
    async step(input: StepInput) {
      const output = await plainStep(context, input);
      const from = measured === 'weights' ? input.parameters : output.gradients;
      const change = barAlpha(config, input.at) * input.at.lr;
      return { ...output, factors: await barFactors(model.modules, from, { change, growsB }) };
    },
  };
}

/** α_t, falling from μ₀ at the first step towards 0 after the last. */
export function barAlpha(
  { bar_mu, bar_schedule }: Pick<Config['method'], 'bar_mu' | 'bar_schedule'>,
  { step, totalSteps }: Pick<StepPoint, 'step' | 'totalSteps'>,
): number {
  const done = (step - 1) / totalSteps;
  switch (bar_schedule) {
    case 'linear':
      return bar_mu * (1 - done);
    case 'cosine':
      return bar_mu * 0.5 * (1 + Math.cos(Math.PI * done));
    case 'constant':
      return bar_mu;
  }
}

async function barFactors(
  modules: readonly AdaptedModule[],
  from: TensorMap,
  { change, growsB }: { change: number; growsB: (a: number, b: number) => boolean },
): Promise<ReadonlyMap<string, number>> {
  const pairs = pickTensors(
    from,
    modules.flatMap(({ loraA, loraB }) => [loraA, loraB]),
  );
  const squares = await innerProducts(pairs, pairs);
  return new Map(
    modules.flatMap(({ loraA, loraB }) => {
      const sign = growsB(squares.get(loraA) as number, squares.get(loraB) as number) ? 1 : -1;
      return [
        [loraB, 1 + sign * change],
        [loraA, 1 - sign * change],
      ] as [string, number][];
    }),
  );
}
