import * as tf from '@tensorflow/tfjs-core';
import type { ParameterMap, TrainableModel } from '../adapters/trainable-model';
import type { Batch } from '../data/batch';
import { disposeAll, type TensorMap } from '../methods/tensor-map';

/** The mean loss over a fixed set of examples, in evaluation mode, as a function of parameters. */
export interface Objective {
  readonly examples: number;
  loss(parameters: ParameterMap): Promise<number>;
  /** Loss of each example [examples], in order. */
  exampleLosses(parameters: ParameterMap): Promise<Float64Array>;
  /** Loss and its gradient in the parameters `keys`, new tensors. */
  gradient(parameters: ParameterMap, keys: readonly string[]): Promise<LossGradient>;
  /** H·d by double backward, for a direction by parameter key; new tensors of the same keys. */
  hessianProduct(parameters: ParameterMap, direction: TensorMap): Promise<Map<string, tf.Tensor>>;
}

export interface LossGradient {
  readonly loss: number;
  readonly gradients: Map<string, tf.Tensor>;
}

export type PassKind = 'forward' | 'gradient' | 'hessian';

export interface ObjectiveOptions {
  readonly model: TrainableModel;
  readonly batches: readonly Batch[];
  /** Called before each pass over a batch, with its share of the whole; throws to stop. */
  readonly onPass?: (kind: PassKind, share: number) => void;
}

/** Batches weigh by their rows, so that the loss is that of one large batch. */
export function createObjective({
  model,
  batches,
  onPass = () => undefined,
}: ObjectiveOptions): Objective {
  const examples = batches.reduce((sum, { rows }) => sum + rows, 0);
  const each = async <T>(
    kind: PassKind,
    work: (batch: Batch, weight: number) => Promise<T>,
  ): Promise<T[]> => {
    const results: T[] = [];
    for (const batch of batches) {
      onPass(kind, batch.rows / examples);
      results.push(await work(batch, batch.rows / examples));
    }
    return results;
  };
  return {
    examples,
    loss: async (parameters) => {
      const parts = await each('forward', async (batch, weight) => {
        const loss = tf.tidy(() => model.loss(parameters, batch));
        return weight * (await read(loss));
      });
      return parts.reduce((sum, part) => sum + part, 0);
    },
    exampleLosses: async (parameters) => {
      const parts = await each('forward', async (batch) => {
        const losses = tf.tidy(() => model.exampleLosses(parameters, batch));
        const values = Float64Array.from(await losses.data());
        losses.dispose();
        return values;
      });
      return Float64Array.from(parts.flatMap((part) => [...part]));
    },
    gradient: async (parameters, keys) => {
      let loss = 0;
      const parts = await each('gradient', async (batch, weight) => {
        const part = gradientOf(model, parameters, keys, batch);
        loss += weight * (await read(part.loss));
        return { weight, gradients: part.gradients };
      });
      return { loss, gradients: weighted(keys, parts) };
    },
    hessianProduct: async (parameters, direction) => {
      const keys = [...direction.keys()];
      const parts = await each('hessian', async (batch, weight) => ({
        weight,
        gradients: hessianProductOf(model, parameters, direction, batch),
      }));
      return weighted(keys, parts);
    },
  };
}

async function read(scalar: tf.Tensor): Promise<number> {
  const value = (await scalar.data())[0] as number;
  scalar.dispose();
  return value;
}

/** The loss as a function of some parameters alone. */
function lossOf(
  model: TrainableModel,
  parameters: ParameterMap,
  keys: readonly string[],
  batch: Batch,
): (...values: tf.Tensor[]) => tf.Scalar {
  return (...values) => {
    const moved = new Map(keys.map((key, i) => [key, values[i] as tf.Tensor]));
    return model.loss(new Map([...parameters, ...moved]), batch);
  };
}

function valuesOf(parameters: ParameterMap, keys: readonly string[]): tf.Tensor[] {
  return keys.map((key) => {
    const value = parameters.get(key);
    if (!value) throw new Error(`the parameters lack ${key}`);
    return value;
  });
}

function gradientOf(
  model: TrainableModel,
  parameters: ParameterMap,
  keys: readonly string[],
  batch: Batch,
): { loss: tf.Scalar; gradients: tf.Tensor[] } {
  const { value, grads } = tf.tidy(() =>
    tf.valueAndGrads(lossOf(model, parameters, keys, batch))(valuesOf(parameters, keys)),
  );
  return { loss: value as tf.Scalar, gradients: grads };
}

/** d/dw of ⟨∇L(w), d⟩. */
function hessianProductOf(
  model: TrainableModel,
  parameters: ParameterMap,
  direction: TensorMap,
  batch: Batch,
): tf.Tensor[] {
  const keys = [...direction.keys()];
  return tf.tidy(() => {
    const gradients = tf.grads(lossOf(model, parameters, keys, batch));
    const slope = (...values: tf.Tensor[]): tf.Scalar =>
      gradients(values)
        .map((g, i) => tf.sum(tf.mul(g, direction.get(keys[i] as string) as tf.Tensor)))
        .reduce((sum, term) => tf.add(sum, term)) as tf.Scalar;
    return tf.grads(slope)(valuesOf(parameters, keys));
  });
}

/** Σ weight · gradients of the batches, which are disposed of. */
function weighted(
  keys: readonly string[],
  parts: readonly { readonly weight: number; readonly gradients: tf.Tensor[] }[],
): Map<string, tf.Tensor> {
  const sums = tf.tidy(() =>
    keys.map((_, i) =>
      parts
        .map(({ weight, gradients }) => tf.mul(gradients[i] as tf.Tensor, weight))
        .reduce((sum, term) => tf.add(sum, term)),
    ),
  );
  for (const { gradients } of parts) tf.dispose(gradients);
  return new Map(keys.map((key, i) => [key, sums[i] as tf.Tensor]));
}

/** w + Jx for the tensors of `push`, which are disposed of with it. */
export function movedBy(
  base: ParameterMap,
  step: TensorMap,
): { readonly parameters: ParameterMap; dispose(): void } {
  const sums = new Map(
    [...step].map(([key, e]) => [key, tf.add(base.get(key) as tf.Tensor, e)] as const),
  );
  return {
    parameters: new Map([...base, ...sums]),
    dispose: () => disposeAll(step, sums),
  };
}
