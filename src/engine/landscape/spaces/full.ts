import * as tf from '@tensorflow/tfjs-core';
import { addProduct } from '../../algebra/small-matrix';
import { noiseKey } from '../../adapters/extra-terms';
import type { LinearShape, ParameterMap, TrainableModel } from '../../adapters/trainable-model';
import { peftKey } from '../../formats/peft-adapter';
import type { BlockMap } from './block-map';
import { storedBlock } from './trainable';

/**
 * The entries of W [out, in] as the network computes with it: of a frozen linear by a term that is
 * added to it, adapted or not; of a trained one the parameter itself.
 */
export function fullBlocks(
  linears: readonly LinearShape[],
  model: TrainableModel,
  parameters: ParameterMap,
): readonly BlockMap[] {
  return linears.map(({ path, out, in: width }) => {
    const trained = peftKey(`${path}.weight`);
    if (parameters.has(trained)) return storedBlock(path, trained, parameters);
    const shape = [out, width];
    return {
      ...{ owner: path, key: noiseKey(path), shape, tensorShape: shape, added: true },
      values: () => mergedWeight({ path, out, in: width }, model, parameters),
    };
  });
}

/** Rows of the identity that are multiplied by W0 at a time. */
const CHUNK = 256;

/**
 * W0 + sBA [out, in], or with DoRA m (W0 + sBA)/‖W0 + sBA‖ row by row, in float64. W0 is seen
 * through its products with unit vectors, so rounded once more, to float32 of itself plus the bias.
 */
export async function mergedWeight(
  { path, out, in: width }: LinearShape,
  model: TrainableModel,
  parameters: ParameterMap,
): Promise<Float64Array> {
  const weight = new Float64Array(out * width);
  for (let from = 0; from < width; from += CHUNK) {
    const rows = Math.min(CHUNK, width - from);
    const product = tf.tidy(() => {
      const unit = new Float32Array(rows * width);
      for (let j = 0; j < rows; j++) unit[j * width + from + j] = 1;
      return model.frozenProduct(path, tf.tensor2d(unit, [rows, width]));
    });
    const columns = await product.data(); // [rows, out]: columns of W0
    product.dispose();
    for (let j = 0; j < rows; j++)
      for (let i = 0; i < out; i++) weight[i * width + from + j] = columns[j * out + i] as number;
  }
  const module = model.modules.find((adapted) => adapted.path === path);
  if (!module) return weight;
  const read = async (key: string) =>
    Float64Array.from(await (parameters.get(key) as tf.Tensor).data());
  const [a, b] = [await read(module.loraA), await read(module.loraB)];
  const scaled = b.map((value) => value * module.scaling);
  addProduct(weight, scaled, a, { rows: out, inner: module.rank, columns: width });
  if (module.magnitude !== undefined) rescaleRows(weight, await read(module.magnitude), width);
  return weight;
}

/** Gives row i the norm m_i. */
function rescaleRows(weight: Float64Array, magnitudes: Float64Array, width: number): void {
  for (const [i, magnitude] of magnitudes.entries()) {
    const row = weight.subarray(i * width, (i + 1) * width);
    const factor = magnitude / Math.sqrt(row.reduce((sum, w) => sum + w * w, 0));
    for (let j = 0; j < width; j++) row[j] = factor * (row[j] as number);
  }
}
