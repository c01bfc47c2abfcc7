import type * as tf from '@tensorflow/tfjs-core';
import { peftKey } from '../formats/peft-adapter';
import type { Network } from '../models/architecture';
import { bottleneck, type Bottleneck } from '../ops/bottleneck';
import { dropout, dropoutOf, type Dropout } from '../ops/dropout';
import type { FrozenTable } from '../ops/embedding';
import { layerNorm, residualNorm } from '../ops/layer-norm';
import { addLowRank, trainableLinear, type FrozenLinear } from '../ops/linear';
import { weightDecomposedLinear } from '../ops/weight-decomposed';
import { addExtraTerms, addNoise } from './extra-terms';
import type { AdaptedModule, DropoutStream, ParameterMap } from './trainable-model';

/** The parts of a loaded model by module path. What is trained in full is in none of them. */
export interface ModelParts {
  readonly frozen: ReadonlyMap<string, FrozenLinear>;
  readonly norms: ReadonlyMap<string, FrozenNorm>;
  readonly tables: ReadonlyMap<string, FrozenTable>;
  readonly adapted: ReadonlyMap<string, AdaptedModule>;
  /** DoRA: ‖W_i‖² [out] of the adapted linears. */
  readonly rowSquares: ReadonlyMap<string, tf.Tensor1D>;
  /** By the path of their sublayer's norm. */
  readonly bottlenecks: ReadonlyMap<string, Bottleneck>;
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
  const bottleneckAt = (layer: Bottleneck, h: tf.Tensor2D): tf.Tensor2D => {
    const tensors = {
      downWeight: parameter<tf.Tensor2D>(layer.downWeight),
      downBias: parameter<tf.Tensor1D>(layer.downBias),
      upWeight: parameter<tf.Tensor2D>(layer.upWeight),
      upBias: parameter<tf.Tensor1D>(layer.upBias),
    };
    return bottleneck(h, tensors, layer.activation);
  };

  return {
    linear: (path, x) => {
      const frozen = parts.frozen.get(path);
      if (!frozen) {
        const weight = parameter<tf.Tensor2D>(peftKey(`${path}.weight`));
        return trainableLinear(x, weight, parameter(peftKey(`${path}.bias`)));
      }
      const module = parts.adapted.get(path);
      if (!module) return addNoise(frozen.apply(x), x, path, parameters);
      const pair = {
        a: parameter<tf.Tensor2D>(module.loraA),
        b: parameter<tf.Tensor2D>(module.loraB),
        scaling: module.scaling,
      };
      const dropped = drop(parts.loraDropout);
      const rowSquares = parts.rowSquares.get(path);
      if (module.magnitude !== undefined && rowSquares) {
        const magnitude = parameter<tf.Tensor1D>(module.magnitude);
        const layer = { frozen, rowSquares, pair, magnitude, drop: dropped };
        return addExtraTerms(weightDecomposedLinear(x, layer), x, module, parameters);
      }
      const base = addExtraTerms(frozen.apply(x), x, module, parameters);
      return addLowRank(base, dropout(x, dropped), pair);
    },
    norm: (path, x) => {
      const { gamma, beta, eps } = normAt(path);
      return layerNorm(x, gamma, beta, eps);
    },
    residualNorm: (path, base, y, p) => {
      const layer = parts.bottlenecks.get(path);
      const dropped = drop(p);
      if (!layer) return residualNorm(base, y, { ...normAt(path), drop: dropped });
      if (layer.at === 'sum')
        return bottleneckAt(layer, residualNorm(base, y, { ...normAt(path), drop: dropped }));
      const changed = bottleneckAt(layer, dropout(y, dropped));
      return residualNorm(base, changed, { ...normAt(path), drop: undefined });
    },
    table: (path) => parts.tables.get(path) ?? { weight: parameter(peftKey(`${path}.weight`)) },
    drop,
    dropout: (x, p) => dropout(x, drop(p)),
  };
}
