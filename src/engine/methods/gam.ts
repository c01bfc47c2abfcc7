import type * as tf from '@tensorflow/tfjs-core';
import type { ParameterMap } from '../adapters/trainable-model';
import { laterMasks, plainStep, STATELESS } from './ascent';
import { lessAcross } from './gsam';
import { lossAndGradients, type LossAndGradients } from './gradients';
import type { Method, MethodContext, StepInput, StepOutput } from './method';
import { pairMetrics } from './pair-metrics';
import { perturb } from './perturbed-parameters';
import { perturbedKeys } from './perturbed-keys';
import { ascentAlong } from './sam';
import { combine, disposeAll, pickTensors, type TensorMap } from './tensor-map';

/**
 * GAM (arXiv 2303.03108, the published code's accelerated form), four passes:
 *   g₀ = ∇L(w), g₁ = ∇L(w + ρ′ g₀/‖g₀‖), w′ = w + ρ (g₁ − g₀)/‖g₁ − g₀‖,
 *   g₂ = ∇L(w′), g₃ = ∇L(w′ + ρ′ g₂/‖g₂‖);
 *   h = β₁g₁ + (1 − β₁)g₃, p = g₀ + β₂g₂; descend h − γ p⊥h.
 * ρ′ moves with ρ_t, so that ρ = 0 turns the method off; with ρ alone at 0 it would be GSAM at ρ′.
 */
export function createGam(context: MethodContext): Method {
  const { model, config } = context;
  const { gam_beta_1: b1, gam_beta_2: b2, gam_gamma: gamma } = config;

  async function step(input: StepInput): Promise<StepOutput> {
    const { parameters, microBatches, dropout, rho } = input;
    if (rho === 0) return plainStep(context, input);
    const inner = config.gam_rho_prime * (config.rho > 0 ? rho / config.rho : 1);
    const keys = perturbedKeys(model, parameters, config);
    const masks = laterMasks(config, dropout);
    const at = (point: ParameterMap) => lossAndGradients(model, point, microBatches, masks);
    /** Moves `point` by a radius along a direction, and measures there. */
    const ascended = async (point: ParameterMap, direction: TensorMap, radius: number) => {
      const { e, degenerate } = await ascentAlong(pickTensors(direction, keys), radius);
      const moved = perturb(point, e);
      disposeAll(e);
      return { ...(await at(moved.parameters)), moved, degenerate };
    };

    const g0 = await lossAndGradients(model, parameters, microBatches, dropout);
    const g1 = await ascended(parameters, g0.gradients, inner);
    g1.moved.dispose();
    const difference = combine([1, g1.gradients], [-1, g0.gradients]);
    const g2 = await ascended(parameters, difference, rho);
    disposeAll(difference);
    const g3 = await ascended(g2.moved.parameters, g2.gradients, inner);
    const h = combine([b1, g1.gradients], [1 - b1, g3.gradients]);
    const p = combine([1, g0.gradients], [b2, g2.gradients]);
    const gradients = await lessAcross(h, { of: p, weight: gamma });
    const layers = input.metrics
      ? await metricsAt(context, { parameters, point: g3.moved.parameters, keys, second: g3 })
      : {};
    g2.moved.dispose();
    g3.moved.dispose();
    disposeAll(g0.gradients, g1.gradients, g2.gradients, g3.gradients, h, p);
    const degenerate = g1.degenerate + g2.degenerate + g3.degenerate;
    return { loss: g0.loss, lossPerturbed: g3.loss, gradients, degenerate, layers };
  }
  return { ...STATELESS, step };
}

/** At the last of the four points. */
async function metricsAt(
  context: MethodContext,
  {
    parameters,
    point,
    keys,
    second,
  }: {
    parameters: ParameterMap;
    point: ParameterMap;
    keys: readonly string[];
    second: LossAndGradients;
  },
) {
  const e: Map<string, tf.Tensor> = combine(
    [1, pickTensors(point, keys)],
    [-1, pickTensors(parameters, keys)],
  );
  const layers = await pairMetrics(context, { parameters, point, e, second });
  disposeAll(e);
  return layers;
}
