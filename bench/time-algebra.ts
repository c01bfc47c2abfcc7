import * as tf from '@tensorflow/tfjs-core';
import type {
  AdaptedModule,
  ParameterMap,
  TrainableModel,
} from '../src/engine/adapters/trainable-model';
import { METHOD_FACTORIES } from '../src/engine/methods/registry';
import type { Batch } from '../src/engine/data/batch';
import type { Config } from '../src/shared/config/schema';

/**
 * What a perturbing method adds to a step beside forward and backward: Grams, eigen-decompositions,
 * E_B, the average, and whatever has to be moved between host and device. The real method steps on a
 * model of the same modules whose loss is next to nothing, and so does plain LoRA; the difference
 * is the algebra.
 * @returns milliseconds of each of `count` steps
 */
export async function timeAlgebra(
  modules: readonly AdaptedModule[],
  config: Config['method'],
  count: number,
): Promise<number[]> {
  const parameters = randomPairs(modules, 1);
  const slopes = randomPairs(modules, 2);
  const model = linearModel(modules, slopes);
  const perturbing = METHOD_FACTORIES[config.name]({ model, config });
  const plain = METHOD_FACTORIES.lora({ model, config });
  const time = async (method: typeof plain): Promise<number> => {
    const started = performance.now();
    const { gradients } = await method.step({
      ...{ parameters, microBatches: [NO_BATCH], rho: config.rho, metrics: false },
      at: { step: 1, totalSteps: count, lr: 0, seed: 0 },
    });
    // Everything that was asked of a device has been computed.
    await Promise.all([...gradients.values()].slice(-1).map((last) => last.data()));
    const elapsed = performance.now() - started;
    tf.dispose([...gradients.values()]);
    return elapsed;
  };
  const times: number[] = [];
  // EFMLoRA has no average before its first step.
  for (let i = -1; i < count; i++) {
    const difference = (await time(perturbing)) - (await time(plain));
    if (i >= 0) times.push(difference);
  }
  perturbing.dispose();
  plain.dispose();
  tf.dispose([...parameters.values(), ...slopes.values()]);
  return times;
}

const NO_BATCH: Batch = {
  ...{ rows: 1, length: 0, inputIds: new Int32Array(), typeIds: new Int32Array() },
  ...{ mask: new Int32Array(), labels: new Int32Array() },
};

/** Its loss is ⟨parameters, slopes⟩, so its gradients are the slopes. */
function linearModel(modules: readonly AdaptedModule[], slopes: ParameterMap): TrainableModel {
  return {
    modules,
    linears: modules,
    headKeys: [],
    loss: (parameters) => {
      const terms = [...parameters].map(([key, value]) =>
        tf.sum(tf.mul(value, slopes.get(key) as tf.Tensor)),
      );
      return terms.reduce((sum, term) => tf.add(sum, term)) as tf.Scalar;
    },
    exampleLosses: () => tf.zeros([1]),
    frozenProduct: (_path, x) => tf.zerosLike(x),
    logits: () => tf.zeros([1, 1]),
    depthOf: () => 0,
    prefix: () => tf.zeros([1, 1]),
    dispose: () => undefined,
  };
}

function randomPairs(modules: readonly AdaptedModule[], seed: number): Map<string, tf.Tensor> {
  return new Map(
    modules.flatMap(({ loraA, loraB, rank, in: inputs, out }, i) => [
      [loraA, tf.randomNormal([rank, inputs], 0, 0.02, 'float32', seed + 2 * i)] as const,
      [loraB, tf.randomNormal([out, rank], 0, 0.02, 'float32', -seed - 2 * i)] as const,
    ]),
  );
}
