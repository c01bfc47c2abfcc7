import * as tf from '@tensorflow/tfjs-core';
import type { SpaceName } from '../../../shared/inspection/spaces';
import type { ParameterMap } from '../../adapters/trainable-model';
import type { TensorMap } from '../../methods/tensor-map';
import type { CoordinateBlock, Coordinates } from '../coordinates';
import { rowNorms, sizeOf, type BlockMap } from './block-map';

interface Assembly {
  readonly space: SpaceName;
  readonly scope: string;
  /** Without the terms that the blocks add. */
  readonly parameters: ParameterMap;
  /** The terms that blocks add, by key. */
  readonly added: TensorMap;
  readonly maps: readonly BlockMap[];
}

/** Coordinates whose blocks lie one after the other in the order of `maps`. */
export function assemble({ space, scope, parameters, added, maps }: Assembly): Coordinates {
  const blocks = placed(maps);
  const dimension = blocks.reduce((sum, { size }) => sum + size, 0);
  const keys = maps.map(({ key }) => key);
  const terms = maps.flatMap(({ key }) => {
    const term = added.get(key);
    return term ? [[key, term] as const] : [];
  });
  const eachBlock = <T>(work: (map: BlockMap, block: CoordinateBlock) => T): T[] =>
    maps.map((map, i) => work(map, blocks[i] as CoordinateBlock));
  return {
    ...{ space, scope, dimension, blocks, keys },
    base: new Map([...parameters, ...terms]),
    push: (x) =>
      new Map(
        eachBlock((map, { offset, size }) => {
          const part = x.subarray(offset, offset + size);
          const values = Float32Array.from(map.push ? map.push(part) : part);
          return [map.key, tf.tensor(values, [...map.tensorShape])] as const;
        }),
      ),
    pull: async (gradients) => {
      const x = new Float64Array(dimension);
      const parts = eachBlock(async (map, { offset }) => {
        const gradient = (await (gradients.get(map.key) as tf.Tensor).data()) as Float32Array;
        x.set(map.pull ? map.pull(gradient) : gradient, offset);
      });
      await Promise.all(parts);
      return x;
    },
    values: async () => {
      const x = new Float64Array(dimension);
      // One after the other: a merged weight is made for each.
      for (const [i, map] of maps.entries())
        x.set(await map.values(), (blocks[i] as CoordinateBlock).offset);
      return x;
    },
    coordinatesOf: (change) => {
      const x = new Float64Array(dimension);
      eachBlock((map, { offset }) => {
        const part = change.get(map.key);
        if (part) x.set(map.coordinatesOf ? map.coordinatesOf(part) : part, offset);
      });
      return x;
    },
    rowNorms: async () => {
      const norms = new Map<string, Float64Array>();
      for (const map of maps) {
        const values = await (map.weight ? map.weight() : map.values());
        norms.set(map.key, rowNorms(values, map.shape));
      }
      return norms;
    },
    restrict: (narrower, chosen) => {
      const wanted = new Set(chosen.map(({ key }) => key));
      const kept = maps.filter(({ key }) => wanted.has(key));
      return assemble({ space, scope: narrower, parameters, added, maps: kept });
    },
  };
}

function placed(maps: readonly BlockMap[]): readonly CoordinateBlock[] {
  let offset = 0;
  return maps.map(({ owner, key, shape }) => {
    const size = sizeOf(shape);
    const block = { owner, key, shape, offset, size };
    offset += size;
    return block;
  });
}
