import type * as tf from '@tensorflow/tfjs-core';
import { UserError } from '../../../shared/errors';
import { multiply, type Values } from '../../algebra/small-matrix';
import type { AdaptedModule, ParameterMap, TrainableModel } from '../../adapters/trainable-model';
import type { BlockMap } from './block-map';
import { mergedWeight } from './full';
import { rowBasis } from './row-basis';

/**
 * X [out, k] of W + X Q_Aᵀ for each pair: A = L Q_Aᵀ with orthonormal columns of Q_A [in, k], k the
 * rank of A, so that E_B = (1/s) X L⁺ and ‖X‖ = s‖E_B A‖; ∇_X = (1/s) g_B L⁺ᵀ. Q_A is a function of
 * the row space alone, so every number is gauge-invariant, those by coordinates included.
 * @throws UserError `measure-unsupported` for DoRA: there, W is not linear in B
 */
export async function rowBlocks(
  modules: readonly AdaptedModule[],
  model: TrainableModel,
  parameters: ParameterMap,
): Promise<readonly BlockMap[]> {
  const blocks: BlockMap[] = [];
  for (const module of modules) blocks.push(await rowBlock(module, model, parameters));
  return blocks;
}

async function rowBlock(
  module: AdaptedModule,
  model: TrainableModel,
  parameters: ParameterMap,
): Promise<BlockMap> {
  const { path, out, in: width, rank, scaling, loraA, loraB, magnitude } = module;
  if (magnitude !== undefined)
    throw new UserError({
      code: 'measure-unsupported',
      message: 'the row space is not defined for DoRA, whose weight is not linear in B',
      place: { at: path },
      remedy: 'Measure in the space `full`, `raw` or `trainable`.',
    });
  const [a, b] = [parameters.get(loraA), parameters.get(loraB)] as [tf.Tensor, tf.Tensor];
  const { l, lInverse, size } = rowBasis((await a.data()) as Float32Array, rank, width);
  const toB = lInverse.map((value) => value / scaling); // L⁺/s [k, r]
  const coordinatesOf = (change: Values): Float64Array =>
    multiply(
      Float64Array.from(change, (value) => value * scaling),
      l,
      { rows: out, inner: rank, columns: size }, // sE_B L
    );
  const fromB = transposed(toB, size, rank); // [r, k]
  return {
    ...{ owner: path, key: loraB, shape: [out, size], tensorShape: [out, rank] },
    push: (x) => multiply(x, toB, { rows: out, inner: size, columns: rank }),
    pull: (g) => multiply(Float64Array.from(g), fromB, { rows: out, inner: rank, columns: size }),
    coordinatesOf,
    values: async () => coordinatesOf((await b.data()) as Float32Array),
    weight: () => mergedWeight(module, model, parameters),
  };
}

function transposed(m: Float64Array, rows: number, columns: number): Float64Array {
  const result = new Float64Array(m.length);
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < columns; j++) result[j * rows + i] = m[i * columns + j] as number;
  return result;
}
