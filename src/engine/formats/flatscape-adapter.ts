import { join } from 'node:path';
import * as z from 'zod';
import { UserError } from '../../shared/errors';
import { expectationOf } from '../../shared/zod-issue';
import { writeFileAtomic } from './atomic-file';
import { isFile, readJsonObject } from './files';
import { ADAPTER_CONFIG, readPeftAdapter, type PeftAdapter } from './peft-adapter';
import { openSafetensors, type F32Tensor } from './safetensors-read';
import { writeSafetensors, type WritableTensor } from './safetensors-write';

/** Tensors by their names in the model's state dict, e.g. `classifier.weight`. */
export const FLATSCAPE_WEIGHTS = 'flatscape_adapter.safetensors';
export const FLATSCAPE_CONFIG = 'flatscape_adapter.json';

const common = {
  format: z.literal(1),
  base_model_name_or_path: z.string().nullable().default(null),
  modules_to_save: z.array(z.string()).default([]),
};

const configSchema = z.discriminatedUnion('type', [
  z.object({
    ...common,
    type: z.literal('adapter'),
    size: z.int().min(1),
    activation: z.enum(['relu', 'gelu', 'gelu_new', 'swish']),
    position: z.enum(['both', 'ffn']),
  }),
  z.object({ ...common, type: z.literal('head') }),
]);

/** `flatscape_adapter.json`: the form of an adapter that PEFT does not have. */
export type FlatscapeAdapterConfig = Readonly<z.output<typeof configSchema>>;

export interface FlatscapeAdapter {
  readonly dir: string;
  readonly config: FlatscapeAdapterConfig;
  /** By state-dict name. */
  readonly tensors: ReadonlyMap<string, F32Tensor>;
}

export function isPeftAdapter(adapter: PeftAdapter | FlatscapeAdapter): adapter is PeftAdapter {
  return 'peft_type' in adapter.config;
}

/**
 * Reads a saved adapter, whichever format it has.
 * @throws UserError `adapter-incomplete`, `adapter-config-invalid`, and those of `readPeftAdapter`
 *         and `openSafetensors`
 */
export async function readSavedAdapter(dir: string): Promise<PeftAdapter | FlatscapeAdapter> {
  const file = join(dir, FLATSCAPE_CONFIG);
  if (await isFile(file)) return { dir, config: await readConfig(file), ...(await readAll(dir)) };
  if (!(await isFile(join(dir, ADAPTER_CONFIG))) && (await isFile(join(dir, 'config.json'))))
    throw new UserError({
      code: 'adapter-incomplete',
      message: 'this is a whole model, not an adapter',
      place: { file: dir },
      expected: `a folder with ${ADAPTER_CONFIG} or ${FLATSCAPE_CONFIG}`,
      found: 'config.json',
      remedy: 'Name it in `model.name_or_path` (or `--model`) instead.',
    });
  return readPeftAdapter(dir);
}

/**
 * Writes both files, the configuration last: a folder that has it is complete.
 * @param tensors by state-dict name
 * @throws UserError `disk-full`, `write-failed`
 */
export async function writeFlatscapeAdapter(
  dir: string,
  config: FlatscapeAdapterConfig,
  tensors: Iterable<WritableTensor>,
): Promise<void> {
  await writeSafetensors(join(dir, FLATSCAPE_WEIGHTS), tensors);
  await writeFileAtomic(join(dir, FLATSCAPE_CONFIG), `${JSON.stringify(config, undefined, 2)}\n`);
}

async function readConfig(file: string): Promise<FlatscapeAdapterConfig> {
  const parsed = configSchema.safeParse(await readJsonObject(file));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new UserError({
    code: 'adapter-config-invalid',
    message: 'this adapter’s configuration cannot be used',
    place: { file, at: issue?.path.join('.') ?? '' },
    expected: expectationOf(issue) ?? 'what Flatscape writes',
    remedy: 'Copy the folder again from the run that wrote it.',
  });
}

async function readAll(dir: string): Promise<{ tensors: Map<string, F32Tensor> }> {
  const file = await openSafetensors(join(dir, FLATSCAPE_WEIGHTS));
  try {
    const tensors = new Map<string, F32Tensor>();
    for (const name of file.tensors.keys()) tensors.set(name, await file.readF32(name));
    return { tensors };
  } finally {
    await file.close();
  }
}
