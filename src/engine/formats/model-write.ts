import { copyFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { writeError } from '../../shared/file-errors';
import { writeFileAtomic } from './atomic-file';
import { writeSafetensors, type WritableTensor } from './safetensors-write';

export const MODEL_WEIGHTS = 'model.safetensors';

export interface ModelToWrite {
  /** `config.json`. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Files that are copied as they are. */
  readonly tokenizerFiles: readonly string[];
  /** By state-dict name. */
  readonly tensors: Iterable<WritableTensor>;
}

/**
 * Writes a model folder in the hub's layout into an existing folder, `config.json` last.
 * @throws UserError `disk-full`, `write-failed`
 */
export async function writeModelDirectory(dir: string, model: ModelToWrite): Promise<void> {
  await writeSafetensors(join(dir, MODEL_WEIGHTS), model.tensors);
  for (const file of model.tokenizerFiles)
    await copyFile(file, join(dir, basename(file))).catch((error: unknown) => {
      throw writeError(error, join(dir, basename(file)));
    });
  await writeFileAtomic(
    join(dir, 'config.json'),
    `${JSON.stringify(model.config, undefined, 2)}\n`,
  );
}
