import * as tf from '@tensorflow/tfjs-core';
import type { Network } from '../models/architecture';
import { dropout } from '../ops/dropout';
import type { EmbeddingTable } from '../ops/embedding';
import { layerNorm } from '../ops/layer-norm';
import { lowRankLinear, trainableLinear, type FrozenLinear } from '../ops/linear';
import { peftKey } from './lora';
import type { AdaptedModule, DropoutStream, ParameterMap } from './trainable-model';

/** The parts of a loaded model by module path. What is trained in full is in none of them. */
export interface ModelParts {
  readonly frozen: ReadonlyMap<string, FrozenLinear>;
  readonly norms: ReadonlyMap<string, FrozenNorm>;
  readonly tables: ReadonlyMap<string, EmbeddingTable>;
  readonly adapted: ReadonlyMap<string, AdaptedModule>;
  readonly epsilon: number;
  readonly loraDropout: number;
}

export interface FrozenNorm {
  readonly gamma: tf.Tensor1D;
  readonly beta: tf.Tensor1D;
}

/** The model at one point of parameter space, for one forward pass. */
export function networkAt(
  parts: ModelParts,
  parameters: ParameterMap,
  stream: DropoutStream | undefined,
): Network {
  let calls = 0;
  const drop = <T extends tf.Tensor>(x: T, p: number): T =>
    stream && p > 0 ? dropout(x, p, stream.seed, calls++) : x;
  const parameter = <T extends tf.Tensor>(key: string): T => {
    const value = parameters.get(key);
    if (!value) throw new Error(`the parameters lack ${key}`);
    return value as T;
  };

  return {
    linear: (path, x) => {
      const frozen = parts.frozen.get(path);
      if (!frozen) {
        const weight = parameter<tf.Tensor2D>(peftKey(`${path}.weight`));
        return trainableLinear(x, weight, parameter(peftKey(`${path}.bias`)));
      }
      const module = parts.adapted.get(path);
      if (!module) return frozen.apply(x);
      const a = parameter<tf.Tensor2D>(module.loraA);
      const b = parameter<tf.Tensor2D>(module.loraB);
      const branch = lowRankLinear(drop(x, parts.loraDropout), a, b, module.scaling);
      return tf.add(frozen.apply(x), branch);
    },
    norm: (path, x) => {
      const frozen = parts.norms.get(path);
      const gamma = frozen?.gamma ?? parameter<tf.Tensor1D>(peftKey(`${path}.weight`));
      const beta = frozen?.beta ?? parameter<tf.Tensor1D>(peftKey(`${path}.bias`));
      return layerNorm(x, gamma, beta, parts.epsilon);
    },
    table: (path) => {
      const table = parts.tables.get(path);
      if (!table) throw new Error(`the model has no table ${path}`);
      return table;
    },
    dropout: drop,
  };
}
