import * as tf from '@tensorflow/tfjs-core';
import { UserError } from '../../shared/errors';
import type { SpaceName } from '../../shared/inspection/spaces';
import type { ParameterMap, TrainableModel } from '../adapters/trainable-model';
import type { Coordinates } from './coordinates';
import { assemble } from './spaces/assemble';
import type { BlockMap } from './spaces/block-map';
import { fullBlocks } from './spaces/full';
import { rawBlocks } from './spaces/raw';
import { rowBlocks } from './spaces/row';
import { trainableBlocks } from './spaces/trainable';

export interface CoordinatesRequest {
  readonly space: SpaceName;
  readonly model: TrainableModel;
  /** w; not owned, and never written into. */
  readonly parameters: ParameterMap;
  /**
   * Paths of the modules that count. Without it all adapted ones, and for `full` of a model without
   * any all of its linears; `trainable` then has the head and whatever else is trained as well.
   */
  readonly modules?: readonly string[];
}

/** The coordinates of all modules together, scope `all`; `restrict` makes the others of them. */
export interface OwnedCoordinates extends Coordinates {
  /** Frees what `base` has beside the parameters; narrower coordinates end with it. */
  dispose(): void;
}

/** @throws UserError `measure-unsupported`: a space that this model does not have */
export async function createCoordinates(request: CoordinatesRequest): Promise<OwnedCoordinates> {
  const { space, parameters } = request;
  const maps = await blockMaps(request);
  if (maps.length === 0) throw nothingToMove(request);
  const added = new Map(
    maps
      .filter((map) => map.added)
      .map(({ key, tensorShape }) => [key, tf.zeros([...tensorShape])] as const),
  );
  return {
    ...assemble({ space, scope: 'all', parameters, added, maps }),
    dispose: () => tf.dispose([...added.values()]),
  };
}

async function blockMaps(request: CoordinatesRequest): Promise<readonly BlockMap[]> {
  const { space, model, parameters, modules } = request;
  const wanted = modules && new Set(modules);
  const pairs = model.modules.filter(({ path }) => wanted?.has(path) ?? true);
  switch (space) {
    case 'row':
      return rowBlocks(pairs, model, parameters);
    case 'raw':
      return rawBlocks(pairs, parameters);
    case 'full': {
      const all = wanted || pairs.length === 0 ? model.linears : pairs;
      const chosen = all.filter(({ path }) => wanted?.has(path) ?? true);
      return fullBlocks(chosen, model, parameters);
    }
    case 'trainable':
      return trainableBlocks(model.modules, parameters).filter(
        ({ owner }) => wanted?.has(owner) ?? true,
      );
  }
}

function nothingToMove({ space, model, modules }: CoordinatesRequest): UserError {
  const withoutPairs = (space === 'row' || space === 'raw') && model.modules.length === 0;
  return new UserError({
    code: 'measure-unsupported',
    message: withoutPairs
      ? `the space \`${space}\` needs low-rank pairs, and this model has none`
      : `nothing of this model can be moved in the space \`${space}\``,
    ...(modules && { found: modules.join(', ') || 'no modules' }),
    remedy: withoutPairs
      ? 'Measure in the space `full` or `trainable`.'
      : 'Name modules of the model, or another space.',
  });
}
