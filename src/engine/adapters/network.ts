import type * as tf from '@tensorflow/tfjs-core';
import type { Network } from '../models/architecture';
import { dropout, dropoutOf, type Dropout } from '../ops/dropout';
import type { EmbeddingTable } from '../ops/embedding';
import { layerNorm, residualNorm } from '../ops/layer-norm';
import { addLowRank, trainableLinear, type FrozenLinear } from '../ops/linear';
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
  const drop = (p: number): Dropout | undefined =>
    stream && p > 0 ? dropoutOf(p, stream.seed, calls++) : undefined;
  const parameter = <T extends tf.Tensor>(key: string): T => {
    const value = parameters.get(key);
    if (!value) throw new Error(`the parameters lack ${key}`);
    return value as T;
  };
  const normAt = (path: string) => {
    const frozen = parts.norms.get(path);
    return {
      gamma: frozen?.gamma ?? parameter<tf.Tensor1D>(peftKey(`${path}.weight`)),
      beta: frozen?.beta ?? parameter<tf.Tensor1D>(peftKey(`${path}.bias`)),
      eps: parts.epsilon,
      frozen: frozen !== undefined,
    };
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
      return addLowRank(frozen.apply(x), dropout(x, drop(parts.loraDropout)), {
        a: parameter(module.loraA),
        b: parameter(module.loraB),
        scaling: module.scaling,
      });
    },
    norm: (path, x) => {
      const { gamma, beta, eps } = normAt(path);
      return layerNorm(x, gamma, beta, eps);
    },
    residualNorm: (path, base, y, p) => residualNorm(base, y, { ...normAt(path), drop: drop(p) }),
    table: (path) => {
      const table = parts.tables.get(path);
      if (!table) throw new Error(`the model has no table ${path}`);
      return table;
    },
    drop,
    dropout: (x, p) => dropout(x, drop(p)),
  };
}
