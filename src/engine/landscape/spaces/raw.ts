import type { AdaptedModule, ParameterMap } from '../../adapters/trainable-model';
import type { BlockMap } from './block-map';
import { storedBlock } from './trainable';

/** The entries of A and B of each pair, as they are stored. */
export function rawBlocks(
  modules: readonly AdaptedModule[],
  parameters: ParameterMap,
): readonly BlockMap[] {
  return modules.flatMap(({ path, loraA, loraB }) =>
    [loraA, loraB].map((key) => storedBlock(path, key, parameters)),
  );
}
