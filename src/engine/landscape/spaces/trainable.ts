import type { Tensor } from '@tensorflow/tfjs-core';
import type { AdaptedModule, ParameterMap } from '../../adapters/trainable-model';
import type { BlockMap } from './block-map';

/** Every tensor that is trained, entry by entry, in the order of the parameters. */
export function trainableBlocks(
  modules: readonly AdaptedModule[],
  parameters: ParameterMap,
): readonly BlockMap[] {
  const owners = new Map(
    modules.flatMap(({ path, loraA, loraB, magnitude }) =>
      [loraA, loraB, magnitude].flatMap((key) => (key === undefined ? [] : [[key, path] as const])),
    ),
  );
  return [...parameters.keys()].map((key) => storedBlock(owners.get(key) ?? key, key, parameters));
}

/** A parameter whose entries are the coordinates. */
export function storedBlock(owner: string, key: string, parameters: ParameterMap): BlockMap {
  const value = parameters.get(key);
  if (!value) throw new Error(`the parameters lack ${key}`);
  return {
    ...{ owner, key, shape: value.shape, tensorShape: value.shape },
    values: async () => (await (value as Tensor).data()) as Float32Array,
  };
}
