import type { Tensor } from '@tensorflow/tfjs-core';
import type { DropoutStream } from '../adapters/trainable-model';
import type { Config } from '../../shared/config/schema';
import { lossAndGradients } from './gradients';
import type { Method, MethodContext, StepInput, StepOutput } from './method';
import { pairMetrics } from './pair-metrics';
import { perturb } from './perturbed-parameters';
import { perturbedKeys } from './perturbed-keys';
import { disposeAll, pickTensors, type TensorMap } from './tensor-map';

/** Where to go for the second gradient. */
export interface Ascent {
  /** ε by parameter key; freed by who asked for it. Absent keys stay where they are. */
  readonly e: ReadonlyMap<string, Tensor>;
  /** Tensors or modules that got no direction. */
  readonly degenerate: number;
}

export const NO_ASCENT: Ascent = { e: new Map(), degenerate: 1 };

export interface AscentRequest {
  /** Clean weights, of the perturbed keys only. */
  readonly weights: TensorMap;
  /** g at the clean weights, of the perturbed keys only. */
  readonly gradient: TensorMap;
  /** g of everything that is trained. */
  readonly all: TensorMap;
  readonly input: StepInput;
}

export interface TwoPasses {
  readonly ascend: (request: AscentRequest) => Promise<Ascent>;
  /**
   * The update gradient from g (clean) and g̃ (perturbed), as new tensors; without it, g̃ itself.
   */
  readonly descend?: (clean: TensorMap, perturbed: TensorMap) => Promise<Map<string, Tensor>>;
}

/**
 * One step of SAM and its relatives (Eqs. 3-5): g at the clean weights w, g̃ at w + ε on the same
 * batch. The perturbed point is a map of its own: there is nothing to restore.
 */
export async function twoPassStep(
  { model, config }: MethodContext,
  input: StepInput,
  { ascend, descend }: TwoPasses,
): Promise<StepOutput> {
  const { parameters, microBatches, dropout, rho } = input;
  const clean = await lossAndGradients(model, parameters, microBatches, dropout);
  const keys = perturbedKeys(model, parameters, config);
  const { e, degenerate } = await ascend({
    weights: pickTensors(parameters, keys),
    gradient: pickTensors(clean.gradients, keys),
    all: clean.gradients,
    input,
  });
  const perturbed = perturb(parameters, e);
  const second = await lossAndGradients(
    model,
    perturbed.parameters,
    microBatches,
    // ρ_t = 0 is plain training, with its masks.
    rho > 0 ? laterMasks(config, dropout) : dropout,
  );
  const layers = input.metrics
    ? await pairMetrics({ model, config }, { ...input, point: perturbed.parameters, e, second })
    : {};
  perturbed.dispose();
  disposeAll(e);
  // At ρ_t = 0 both are the same gradient, and a difference of them would be rounding.
  const gradients =
    descend && rho > 0 ? await descend(clean.gradients, second.gradients) : second.gradients;
  if (gradients !== second.gradients) disposeAll(second.gradients);
  disposeAll(clean.gradients);
  return { loss: clean.loss, lossPerturbed: second.loss, gradients, degenerate, layers };
}

/** Plain training for one step: what a method does where it has nothing to perturb. */
export async function plainStep(
  { model, config }: MethodContext,
  input: StepInput,
): Promise<StepOutput> {
  const { parameters, microBatches, dropout } = input;
  const result = await lossAndGradients(model, parameters, microBatches, dropout);
  const point = { ...input, point: parameters, e: new Map(), second: result };
  const layers = input.metrics ? await pairMetrics({ model, config }, point) : {};
  return { ...result, degenerate: 0, layers };
}

/** Moves the seeds of later passes when they are to draw their own dropout masks. */
const RESAMPLE = 0x9e3779b9;

export function laterMasks(
  { rng }: Pick<Config['method'], 'rng'>,
  dropout: readonly DropoutStream[] | undefined,
): readonly DropoutStream[] | undefined {
  return rng === 'replay' ? dropout : dropout?.map(({ seed }) => ({ seed: seed ^ RESAMPLE }));
}

/** The part of a method that has nothing to remember. */
export const STATELESS: Omit<Method, 'step'> = {
  saveState: async () => new Map(),
  restoreState: () => undefined,
  dispose: () => undefined,
};
