import * as tf from '@tensorflow/tfjs-core';
import type { Config } from '../../shared/config/schema';
import type { AdapterStart } from './adapter-plan';
import { decomposedStart, isDecomposedInit } from './decomposed-start';
import { generatorFor, normal, uniform } from './initialise';
import type { AdaptedModule } from './trainable-model';

/** A₀ and B₀ of a start that took part of the weight, by module path. */
export type DecomposedFactors = Map<string, Factors>;

interface Factors {
  /** A [r, in] */
  readonly loraA: Float32Array;
  /** B [out, r] */
  readonly loraB: Float32Array;
}

interface LoraStartOptions {
  readonly adapted: ReadonlyMap<string, AdaptedModule>;
  readonly init: Config['adapter']['init_lora_weights'];
  readonly seed: number;
  /** Filled with what a decomposition starts from. */
  readonly decomposed: DecomposedFactors;
}

/**
 * Fresh pairs as PEFT starts them: A uniform in ±1/√in, or normal with deviation 1/r, and B = 0;
 * or both from a decomposition of W, whose residual is then frozen in its place. DoRA's magnitudes
 * start at the row norms of W, so that the model computes what it did.
 */
export function loraStart({ adapted, init, seed, decomposed }: LoraStartOptions): AdapterStart {
  const factors = new Map<string, Factors>();
  const magnitudes = new Map<string, Float32Array>();
  return {
    adopt(path, weight) {
      const module = adapted.get(path);
      if (!module) return weight;
      if (module.magnitude)
        magnitudes.set(path, rowSquares(weight, module.out, module.in).map(Math.sqrt));
      if (!isDecomposedInit(init)) {
        factors.set(path, fresh(module, init, seed));
        return weight;
      }
      const { residual, ...pair } = decomposedStart(weight, module, init, seed);
      factors.set(path, pair);
      decomposed.set(path, pair);
      return residual;
    },
    initial: () =>
      new Map(
        [...adapted.values()].flatMap(
          ({ path, loraA, loraB, magnitude, rank, out, in: inputs }) => {
            const pair = factors.get(path);
            if (!pair) throw new Error(`the weight of ${path} was not seen`);
            const entries: [string, tf.Tensor][] = [
              [loraA, tf.tensor2d(pair.loraA, [rank, inputs])],
              [loraB, tf.tensor2d(pair.loraB, [out, rank])],
            ];
            const m = magnitudes.get(path);
            if (magnitude && m) entries.push([magnitude, tf.tensor1d(m)]);
            return entries;
          },
        ),
      ),
  };
}

function fresh(module: AdaptedModule, init: true | string, seed: number): Factors {
  const { rank, in: inputs, out, loraA } = module;
  const generator = generatorFor(seed, loraA);
  const size = rank * inputs;
  return {
    loraA:
      init === 'gaussian'
        ? normal(size, 1 / rank, generator)
        : uniform(size, 1 / Math.sqrt(inputs), generator),
    loraB: new Float32Array(out * rank),
  };
}

/** ‖W_i‖² of each output row [out] of W [out, in], summed in float64. */
export function rowSquares(weight: Float32Array, out: number, inputs: number): Float32Array {
  return Float32Array.from({ length: out }, (_, i) => rowSquare(weight, i, inputs));
}

function rowSquare(weight: Float32Array, i: number, inputs: number): number {
  let sum = 0;
  for (let j = i * inputs; j < (i + 1) * inputs; j++) sum += (weight[j] as number) ** 2;
  return sum;
}
