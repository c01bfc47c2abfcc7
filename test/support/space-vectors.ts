import type * as tf from '@tensorflow/tfjs-core';
import { multiply } from '../../src/engine/algebra/small-matrix';
import type { LoadedModel } from '../../src/engine/adapters/load-trainable';
import { openSafetensors } from '../../src/engine/formats/safetensors-read';
import type { Coordinates } from '../../src/engine/landscape/coordinates';
import { rowBasis } from '../../src/engine/landscape/spaces/row-basis';
import type { SpaceName } from '../../src/shared/inspection/spaces';

/** All tensors of a file as float64, by name. */
export async function referenceTensors(path: string): Promise<ReadonlyMap<string, Float64Array>> {
  const file = await openSafetensors(path);
  const values = new Map<string, Float64Array>();
  for (const key of file.tensors.keys()) values.set(key, (await file.readF64(key)).values);
  await file.close();
  return values;
}

/**
 * Reads a vector of `hessian_cases.py` in our coordinates. There, the row space's are changes of W
 * [n, m], which are turned into X = D Q_A with our own Q_A.
 */
export function inCoordinates(
  { blocks, dimension }: Coordinates,
  { model, initial }: Pick<LoadedModel, 'model' | 'initial'>,
  tensors: ReadonlyMap<string, Float64Array>,
  space: SpaceName,
): (kind: 'vector' | 'hvp' | 'gnvp') => Promise<Float64Array> {
  return async (kind) => {
    const x = new Float64Array(dimension);
    for (const { key, owner, offset } of blocks) {
      const name = space === 'full' ? owner : key;
      const value = tensors.get(`${space}.${kind}.${name}`);
      if (!value) throw new Error(`the reference has no ${space}.${kind}.${name}`);
      x.set(space === 'row' ? await toRow(owner, value) : value, offset);
    }
    return x;
  };

  async function toRow(path: string, change: Float64Array): Promise<Float64Array> {
    const module = model.modules.find((each) => each.path === path);
    if (!module) throw new Error(`no module ${path}`);
    const a = (await (initial.get(module.loraA) as tf.Tensor).data()) as Float32Array;
    const { q, size } = rowBasis(a, module.rank, module.in);
    const columns = new Float64Array(module.in * size); // Q_A [m, k]
    for (let i = 0; i < size; i++)
      for (let j = 0; j < module.in; j++) columns[j * size + i] = q[i * module.in + j] as number;
    return multiply(change, columns, { rows: module.out, inner: module.in, columns: size });
  }
}
