import * as tf from '@tensorflow/tfjs-core';
import { UserError } from '../../shared/errors';
import { openSafetensors } from '../formats/safetensors-read';
import type { ParameterMap } from './trainable-model';

type Shapes = ReadonlyMap<string, { readonly shape: readonly number[] }>;

/**
 * Values by the keys, and in the shapes, of `like`; every one must be in the file.
 * @param nameOf what the file calls a key; by default the same
 * @throws UserError `tensor-missing`, `tensor-shape`, and those of `openSafetensors`
 */
export async function readParameters(
  file: string,
  like: Shapes,
  nameOf: (key: string) => string = (key) => key,
): Promise<ParameterMap> {
  const tensors = await openSafetensors(file);
  try {
    const entries: [string, tf.Tensor][] = [];
    for (const [key, { shape }] of like) {
      const name = nameOf(key);
      const stored = await tensors.readF32(name);
      if (stored.shape.join() !== shape.join())
        throw new UserError({
          code: 'tensor-shape',
          message: 'a tensor does not have the shape that the run wants',
          place: { file, at: name },
          expected: `shape [${shape.join(', ')}]`,
          found: `[${stored.shape.join(', ')}]`,
        });
      entries.push([key, tf.tensor(stored.values, [...shape], 'float32')]);
    }
    return new Map(entries);
  } finally {
    await tensors.close();
  }
}
