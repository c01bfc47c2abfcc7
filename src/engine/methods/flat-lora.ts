import * as tf from '@tensorflow/tfjs-core';
import { generatorFor, normal } from '../adapters/initialise';
import { noiseKey } from '../adapters/extra-terms';
import type { AdaptedModule, ParameterMap, TrainableModel } from '../adapters/trainable-model';
import type { Config } from '../../shared/config/schema';
import { plainStep, STATELESS } from './ascent';
import type { Method, MethodContext, StepInput, StepPoint } from './method';
import { disposeAll } from './tensor-map';

/** Standard normal numbers [n, m] for one module at one step. */
export type DrawNormal = (module: AdaptedModule, at: StepPoint) => Float32Array;

/**
 * Flat-LoRA (arXiv 2409.14396): the gradient under noise on the whole weight,
 * ε_ij ~ N(0, (σ_t²/m)‖W′_i‖²) with W′ = W0 + sBA and i an output row. The noise is a function of the
 * seed and the step: one for a whole accumulation cycle, and the same again after a resume. It
 * exists as a further entry of the parameters for one step; nothing is added to W0 or taken off.
 */
export function createFlatLora(context: MethodContext, draw: DrawNormal = drawNormal): Method {
  const { model, config } = context;
  const frozenSquares = new Map<string, Float32Array>();

  async function noise(parameters: ParameterMap, at: StepPoint): Promise<Map<string, tf.Tensor>> {
    const sigma = sigmaAt(config, at);
    const entries = model.modules.map(async (module) => {
      const { path, out, in: width } = module;
      const cached = frozenSquares.get(path) ?? (await squaresOfRows(model, module));
      frozenSquares.set(path, cached);
      const scale = tf.tidy(() => {
        const rows = rowNorms(model, module, { parameters, frozenSquares: cached });
        return tf.reshape(tf.mul(rows, sigma / Math.sqrt(width)), [out, 1]);
      });
      const epsilon = tf.tidy(() => tf.mul(tf.tensor2d(draw(module, at), [out, width]), scale));
      scale.dispose();
      return [noiseKey(path), epsilon] as const;
    });
    return new Map(await Promise.all(entries));
  }

  return {
    ...STATELESS,
    async step(input: StepInput) {
      const epsilon = await noise(input.parameters, input.at);
      // Merged inside the loss: noise that is no parameter gets no gradient of its own.
      const noisy: TrainableModel = {
        ...model,
        loss: (parameters, ...rest) => model.loss(new Map([...parameters, ...epsilon]), ...rest),
      };
      const output = await plainStep({ model: noisy, config }, input);
      disposeAll(epsilon);
      return output;
    },
  };
}

/** σ_t: rising from 0 to σ as the published code has it, or constant. */
export function sigmaAt(
  { sigma, sigma_schedule }: Pick<Config['method'], 'sigma' | 'sigma_schedule'>,
  { step, totalSteps }: Pick<StepPoint, 'step' | 'totalSteps'>,
): number {
  if (sigma_schedule === 'constant') return sigma;
  return sigma * 0.5 * (1 - Math.cos((Math.PI * step) / totalSteps));
}

function drawNormal({ path, out, in: width }: AdaptedModule, { seed, step }: StepPoint) {
  return normal(out * width, 1, generatorFor(seed, `flat-lora.${step}.${path}`));
}

/** ‖W′_i‖ [n]: ‖W0_i‖² + 2s⟨W0_i, B_iA⟩ + s²‖B_iA‖², W0 seen only through its products. */
function rowNorms(
  model: TrainableModel,
  { path, loraA, loraB, scaling }: AdaptedModule,
  { parameters, frozenSquares }: { parameters: ParameterMap; frozenSquares: Float32Array },
): tf.Tensor1D {
  const [a, b] = [parameters.get(loraA), parameters.get(loraB)] as [tf.Tensor2D, tf.Tensor2D];
  const aTimesW0 = model.frozenProduct(path, a); // A W0ᵀ [r, n]
  const cross = tf.sum(tf.mul(b, tf.transpose(aTimesW0)), 1);
  const update = tf.sum(tf.mul(tf.matMul(b, tf.matMul(a, a, false, true)), b), 1);
  const squares = tf.addN([
    tf.tensor1d(frozenSquares),
    tf.mul(cross, 2 * scaling),
    tf.mul(update, scaling ** 2),
  ]);
  return tf.sqrt(tf.relu(squares)) as tf.Tensor1D;
}

/** ‖W0_i‖² [n]. */
async function squaresOfRows(
  model: TrainableModel,
  { path, in: width }: AdaptedModule,
): Promise<Float32Array> {
  const squares = tf.tidy(() => tf.sum(tf.square(model.frozenProduct(path, tf.eye(width))), 0));
  const values = (await squares.data()) as Float32Array;
  squares.dispose();
  return values;
}
