import * as tf from '@tensorflow/tfjs-core';
import { join } from 'node:path';
import { UserError } from '../../shared/errors';
import {
  FLATSCAPE_WEIGHTS,
  isPeftAdapter,
  writeFlatscapeAdapter,
  type FlatscapeAdapterConfig,
} from '../formats/flatscape-adapter';
import { peftKey, stateNameOf } from '../formats/peft-adapter';
import type { AdapterStore, SavedAdapter } from './adapter-plan';
import { readParameters } from './read-parameters';
import { otherKind } from './stored-parameters';

/** Checkpoints in our own format, for what PEFT does not have. */
export function flatscapeStore(config: FlatscapeAdapterConfig): AdapterStore {
  return {
    save: (dir, { tensors, base }) =>
      writeFlatscapeAdapter(
        dir,
        { ...config, base_model_name_or_path: base },
        tensors.map((tensor) => ({ ...tensor, name: stateNameOf(tensor.name) })),
      ),
    restore: (dir, like) => readParameters(join(dir, FLATSCAPE_WEIGHTS), like, stateNameOf),
  };
}

/**
 * The values of an adapter that we saved, which must be of this form.
 * @param shapes by state-dict name, of everything that the adapter holds
 * @throws UserError `adapter-mismatch`, `adapter-shape`
 */
export function storedFlatscape(
  saved: SavedAdapter,
  config: FlatscapeAdapterConfig,
  shapes: ReadonlyMap<string, readonly number[]>,
): Map<string, tf.Tensor> {
  if (isPeftAdapter(saved)) throw otherKind(saved.dir, 'lora', config.type);
  if (saved.config.type !== config.type) throw otherKind(saved.dir, saved.config.type, config.type);
  const file = join(saved.dir, FLATSCAPE_WEIGHTS);
  const extra = [...saved.tensors.keys()].find((name) => !shapes.has(name));
  if (extra !== undefined) throw mismatch(file, extra, 'no tensor of this name', 'one');
  return new Map(
    [...shapes].map(([name, shape]) => {
      const tensor = saved.tensors.get(name);
      if (tensor?.shape.join() !== shape.join())
        throw mismatch(
          file,
          name,
          `[${shape.join(', ')}]`,
          tensor ? `[${tensor.shape.join(', ')}]` : 'nothing',
        );
      return [peftKey(name), tf.tensor(tensor.values, [...shape])];
    }),
  );
}

function mismatch(file: string, at: string, expected: string, found: string): UserError {
  return new UserError({
    code: 'adapter-shape',
    message: 'a tensor of the adapter does not fit the model',
    place: { file, at },
    ...{ expected, found },
    remedy: 'Give `adapter` the size, position and modules_to_save that it has.',
  });
}
