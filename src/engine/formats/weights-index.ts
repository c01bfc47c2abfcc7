import * as z from 'zod';
import { UserError } from '../../shared/errors';
import { readJsonObject } from './files';

const indexSchema = z.object({ weight_map: z.record(z.string(), z.string()) });

/**
 * The pairs of tensor and shard in a `model.safetensors.index.json`.
 * @throws UserError `weights-index-invalid`, also for a shard name that leaves the folder
 */
export async function readWeightMap(index: string): Promise<ReadonlyMap<string, string>> {
  const parsed = indexSchema.safeParse(await readJsonObject(index));
  if (!parsed.success)
    throw invalidIndex(index, {
      message: 'weight_map is not a map of tensor names to files',
      at: 'weight_map',
    });
  const pairs = new Map(Object.entries(parsed.data.weight_map));
  for (const [name, shard] of pairs) checkShardName(index, name, shard);
  return pairs;
}

function checkShardName(index: string, at: string, shard: string): void {
  // A name that leaves the folder is an attack, not a layout.
  if (!/[/\\:\0]|\.\./.test(shard) && shard.endsWith('.safetensors')) return;
  throw invalidIndex(index, {
    message: 'the shard name is not a plain file name',
    at,
    expected: 'such as model-00001-of-00002.safetensors',
    found: shard,
  });
}

export function invalidIndex(
  file: string,
  problem: { message: string; at?: string; expected?: string; found?: string },
): UserError {
  const { at, ...facts } = problem;
  return new UserError({
    code: 'weights-index-invalid',
    ...facts,
    place: at === undefined ? { file } : { file, at },
    remedy: 'Download the model again, or save it again with save_pretrained.',
  });
}
