import { join } from 'node:path';
import { UserError } from '../../shared/errors';
import { isFile, readJsonObject } from './files';
import { openSafetensors, type F32Tensor, type SafetensorsFile } from './safetensors-read';
import { invalidIndex, readWeightMap } from './weights-index';

/** Files that make a tokenizer, in the order in which a directory is searched. */
export const TOKENIZER_FILES = [
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'added_tokens.json',
  'vocab.txt',
  'vocab.json',
  'merges.txt',
] as const;

export type TokenizerFileName = (typeof TOKENIZER_FILES)[number];

/** An opened model: its parsed config, its tokenizer's files, and all its tensors by name. */
export interface ModelDirectory {
  readonly dir: string;
  /** `config.json` as it stands, either generation; the model's own validator reads it. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Paths of those tokenizer files that exist. */
  readonly tokenizerFiles: Readonly<Partial<Record<TokenizerFileName, string>>>;
  /** The safetensors files that hold the weights: one, or the shards. */
  readonly weightFiles: readonly string[];
  names(): readonly string[];
  has(name: string): boolean;
  /** @throws UserError `tensor-missing` */
  shape(name: string): readonly number[];
  dtype(name: string): string;
  readF32(name: string): Promise<F32Tensor>;
  close(): Promise<void>;
}

/**
 * Opens a model folder in the layout of the hub: `config.json`, tokenizer files, and
 * `model.safetensors` or `model.safetensors.index.json` with its shards. The headers of all
 * shards are read and every mapped tensor must be in its shard. The caller closes it.
 * @throws UserError `model-incomplete`, `model-pickle`, `weights-index-invalid`, and the errors of
 *         `openSafetensors`
 */
export async function openModelDirectory(dir: string): Promise<ModelDirectory> {
  if (!(await isFile(join(dir, 'config.json')))) throw notAModel(dir);
  const config = await readJsonObject(join(dir, 'config.json'));
  const tokenizerFiles: Partial<Record<TokenizerFileName, string>> = {};
  for (const name of TOKENIZER_FILES)
    if (await isFile(join(dir, name))) tokenizerFiles[name] = join(dir, name);
  const { files, home } = await openWeights(dir);
  const fileOf = (name: string): SafetensorsFile => {
    const file = home.get(name);
    if (file) return file;
    throw new UserError({
      code: 'tensor-missing',
      message: 'the model has no tensor of this name',
      place: { file: dir, at: name },
    });
  };
  return {
    dir,
    config,
    tokenizerFiles,
    weightFiles: files.map(({ file }) => file),
    names: () => [...home.keys()],
    has: (name) => home.has(name),
    shape: (name) => fileOf(name).tensors.get(name)?.shape ?? [],
    dtype: (name) => fileOf(name).tensors.get(name)?.dtype ?? '',
    readF32: async (name) => fileOf(name).readF32(name),
    close: () => closeAll(files),
  };
}

interface Weights {
  readonly files: readonly SafetensorsFile[];
  /** Which file holds a tensor. */
  readonly home: ReadonlyMap<string, SafetensorsFile>;
}

async function openWeights(dir: string): Promise<Weights> {
  const single = join(dir, 'model.safetensors');
  if (await isFile(single)) {
    const file = await openSafetensors(single);
    return { files: [file], home: new Map([...file.tensors.keys()].map((name) => [name, file])) };
  }
  const index = join(dir, 'model.safetensors.index.json');
  if (await isFile(index)) return openShards(dir, index);
  for (const pickle of ['pytorch_model.bin', 'pytorch_model.bin.index.json'])
    if (await isFile(join(dir, pickle))) throw pickleRefused(join(dir, pickle));
  throw new UserError({
    code: 'model-incomplete',
    message: 'the folder holds no weights',
    place: { file: dir },
    expected: 'model.safetensors or model.safetensors.index.json',
    remedy: 'Download the model again, or save it again with save_pretrained.',
  });
}

function notAModel(dir: string): UserError {
  return new UserError({
    code: 'model-incomplete',
    message: 'this is not a model folder',
    place: { file: dir },
    expected: 'a folder with config.json and model.safetensors',
    found: 'no config.json',
    remedy: 'Name the folder that save_pretrained wrote, or that the hub has.',
  });
}

/** Pickle files run code when they are read: never opened, not even to look. */
export function pickleRefused(file: string): UserError {
  return new UserError({
    code: 'model-pickle',
    message: 'these weights are a Python pickle, which can run code when opened',
    place: { file },
    expected: 'safetensors',
    remedy:
      'Convert them in Python, in an environment you trust: load the model with from_pretrained, ' +
      'then call save_pretrained, which writes safetensors.',
  });
}

async function openShards(dir: string, index: string): Promise<Weights> {
  const weightMap = await readWeightMap(index);
  const shards = new Map<string, SafetensorsFile>();
  const home = new Map<string, SafetensorsFile>();
  try {
    for (const [name, shard] of weightMap) {
      if (!shards.has(shard) && !(await isFile(join(dir, shard)))) {
        const message = 'a shard of the weights is missing';
        throw invalidIndex(index, { message, at: name, expected: shard, found: 'no such file' });
      }
      const file = shards.get(shard) ?? (await openSafetensors(join(dir, shard)));
      shards.set(shard, file);
      if (!file.tensors.has(name)) {
        throw invalidIndex(index, {
          message: 'the shard does not hold this tensor',
          at: name,
          expected: `in ${shard}`,
        });
      }
      home.set(name, file);
    }
  } catch (error) {
    await closeAll([...shards.values()]);
    throw error;
  }
  return { files: [...shards.values()], home };
}

async function closeAll(files: readonly SafetensorsFile[]): Promise<void> {
  await Promise.all(files.map((file) => file.close()));
}
