import { UserError } from '../../../shared/errors';
import { ADAPTER_KEY_PREFIX, peftKey } from '../../formats/peft-adapter';
import { openSafetensors, type SafetensorsFile } from '../../formats/safetensors-read';
import type { CoordinateBlock, Coordinates } from '../coordinates';

/**
 * The `index`-th direction of a safetensors file, as it stands there: its tensors are `INDEX.KEY`,
 * KEY as in the adapter (with or without `base_model.model.`), a change of that tensor; in the space
 * `full` KEY is the module's weight. A file may have more than the scope moves.
 * @returns [dimension]; `undefined` if the file has no tensor of this index
 * @throws UserError `tensor-missing`, `tensor-shape`, and those of reading the file
 */
export async function importedDirection(
  file: string,
  index: number,
  coordinates: Coordinates,
): Promise<Float64Array | undefined> {
  const source = await openSafetensors(file);
  try {
    if (![...source.tensors.keys()].some((name) => name.startsWith(`${index}.`))) return undefined;
    const change = new Map<string, Float64Array>();
    for (const block of coordinates.blocks) {
      const wanted = coordinates.base.get(block.key)?.shape ?? block.shape;
      const name = nameIn(source, index, block);
      const { shape, values } = await source.readF64(name);
      if (shape.join() !== wanted.join()) throw wrongShape(source.file, name, shape, wanted);
      change.set(block.key, values);
    }
    return coordinates.coordinatesOf(change);
  } finally {
    await source.close();
  }
}

function nameIn(source: SafetensorsFile, index: number, block: CoordinateBlock): string {
  const { key, owner } = block;
  const isStored = key.startsWith(ADAPTER_KEY_PREFIX);
  const full = isStored ? key : peftKey(`${owner}.weight`);
  const names = [full, full.slice(ADAPTER_KEY_PREFIX.length)].map((name) => `${index}.${name}`);
  const found = names.find((name) => source.tensors.has(name));
  if (found !== undefined) return found;
  throw new UserError({
    code: 'tensor-missing',
    message: 'the file of directions lacks a tensor that the slice moves',
    place: { file: source.file, at: owner },
    expected: names.join(' or '),
    remedy: 'Add it, with zeros where nothing is to move, or narrow the slice by `only`.',
  });
}

function wrongShape(
  file: string,
  name: string,
  found: readonly number[],
  expected: readonly number[],
): UserError {
  return new UserError({
    code: 'tensor-shape',
    message: 'a direction has another shape than what it moves',
    place: { file, at: name },
    expected: `[${expected.join(', ')}]`,
    found: `[${found.join(', ')}]`,
  });
}
