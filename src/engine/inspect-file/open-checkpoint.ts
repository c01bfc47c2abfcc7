import { stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type {
  CheckpointContents,
  CheckpointFile,
  CheckpointTensor,
  Problem,
} from '../../shared/checkpoint/contents';
import { findPairs } from '../../shared/checkpoint/pairs';
import type { ReaderSource } from '../../shared/checkpoint/reader-messages';
import { isUserError, UserError } from '../../shared/errors';
import { readError } from '../../shared/file-errors';
import { memorySource, openFileSource, type ByteSource } from '../formats/byte-source';
import { isFile, parseJsonObject, readJsonObject } from '../formats/files';
import { ADAPTER_CONFIG } from '../formats/peft-adapter';
import { readSafetensorsHeader } from '../formats/safetensors-read';
import { readWeightMap } from '../formats/weights-index';
import { scalePairs, type ConfigBeside } from './scaling';

/** A checkpoint whose headers have been read, and how to get at its values. */
export interface OpenCheckpoint {
  readonly contents: CheckpointContents;
  /**
   * The file of that index, opened anew; the caller closes it.
   * @throws UserError `checkpoint-changed` when it is not the file whose header was read
   */
  open(file: number): Promise<ByteSource>;
  /** @throws as `open`, after the values have been read */
  check(file: number): Promise<void>;
}

export interface OpenOptions {
  readonly version: number;
  /** Told of every byte that is read. */
  readonly read: (bytes: number) => void;
  /** Awaited between files; what it throws ends the work. */
  readonly pause: () => Promise<void>;
}

/**
 * Reads the headers of a `.safetensors` file, or of every shard of its `.safetensors.index.json`. A
 * shard brings the others with it. Nothing of any tensor is read.
 * @throws UserError those of `openSafetensors` and `readWeightMap`; what is wrong with another shard
 *         or with the configuration is listed in `contents.problems` instead
 */
export async function openCheckpoint(
  source: ReaderSource,
  options: OpenOptions,
): Promise<OpenCheckpoint> {
  const problems: Problem[] = [];
  const plan = await planOf(source, problems);
  const parts: Part[] = [];
  for (const place of plan.places) {
    await options.pause();
    try {
      parts.push(await readPart(place, options));
    } catch (error) {
      if (!isUserError(error) || place.required) throw error;
      problems.push({ ...error.toJSON() });
    }
  }
  if (parts.length === 0) throw noShard(plan.index ?? '', problems);
  if (plan.weightMap) problems.push(...mapProblems(plan.index ?? '', plan.weightMap, parts));
  const tensors = parts.flatMap(({ tensors }, file) => tensors.map((t) => ({ ...t, file })));
  const unscaled = findPairs(tensors);
  const config = unscaled.length > 0 ? await configBeside(source, problems) : undefined;
  const scaled = scalePairs(unscaled, config);
  return {
    contents: {
      version: options.version,
      files: parts.map(({ file }) => file),
      ...(plan.index !== undefined && { index: basename(plan.index) }),
      tensors,
      pairs: scaled.pairs,
      problems: [...problems, ...scaled.problems],
    },
    open: async (file) => {
      const part = partOf(parts, file);
      await checkUnchanged(part);
      return part.place.open();
    },
    check: (file) => checkUnchanged(partOf(parts, file)),
  };
}

/** A file to be read. */
interface Place {
  readonly name: string;
  /** Nothing can be shown without it. */
  readonly required: boolean;
  open(): Promise<ByteSource>;
  /** Changes when the file does; undefined for bytes in memory. */
  stamp(): Promise<string | undefined>;
}

interface Part {
  readonly place: Place;
  readonly stamp: string | undefined;
  readonly file: CheckpointFile;
  readonly tensors: readonly Omit<CheckpointTensor, 'file'>[];
}

interface Plan {
  readonly places: readonly Place[];
  readonly index?: string;
  readonly weightMap?: ReadonlyMap<string, string>;
}

const INDEX = '.safetensors.index.json';
const SHARD = /^(?<stem>.+)-\d{5}-of-\d{5}\.safetensors$/;

async function planOf(source: ReaderSource, problems: Problem[]): Promise<Plan> {
  if (source.kind === 'bytes') return { places: [placeInMemory(source)] };
  const { path } = source;
  if (path.endsWith(INDEX)) return shardedPlan(path, undefined);
  const stem = SHARD.exec(basename(path))?.groups?.['stem'];
  const index = stem === undefined ? undefined : join(dirname(path), stem + INDEX);
  if (index === undefined || !(await isFile(index))) return { places: [placeOf(path, true)] };
  try {
    return await shardedPlan(index, path);
  } catch (error) {
    // The shard itself can still be shown.
    if (!isUserError(error)) throw error;
    problems.push({ ...error.toJSON() });
    return { places: [placeOf(path, true)] };
  }
}

/** @param opened the shard that was asked for, if it was not the index */
async function shardedPlan(index: string, opened: string | undefined): Promise<Plan> {
  const weightMap = await readWeightMap(index);
  const names = new Set(weightMap.values());
  if (opened !== undefined) names.add(basename(opened));
  const places = [...names]
    .sort()
    .map((name) => join(dirname(index), name))
    .map((path) => placeOf(path, path === opened));
  return { places, index, weightMap };
}

function placeOf(path: string, required: boolean): Place {
  return {
    name: basename(path),
    required,
    open: () => openFileSource(path),
    async stamp() {
      const { size, mtimeMs, ino } = await stat(path).catch((error: unknown) => {
        throw readError(error, path);
      });
      return `${size} ${mtimeMs} ${ino}`;
    },
  };
}

function placeInMemory({ name, bytes }: Extract<ReaderSource, { kind: 'bytes' }>): Place {
  return {
    name: basename(name),
    required: true,
    open: () => Promise.resolve(memorySource(name, bytes)),
    stamp: () => Promise.resolve(undefined),
  };
}

async function readPart(place: Place, { read }: OpenOptions): Promise<Part> {
  const stamp = await place.stamp();
  const source = counted(await place.open(), read);
  try {
    const { header, dataStart } = await readSafetensorsHeader(source);
    const tensors = [...header.tensors].map(([name, { dtype, shape, begin, end }]) => ({
      name,
      dtype,
      shape: [...shape],
      begin: dataStart + begin,
      end: dataStart + end,
    }));
    const { metadata } = header;
    const facts = { size: source.size, headerBytes: dataStart, tensors: tensors.length };
    return { place, stamp, tensors, file: { name: place.name, ...facts, metadata } };
  } finally {
    await source.close();
  }
}

/** The same source, telling of every byte. */
export function counted(source: ByteSource, read: (bytes: number) => void): ByteSource {
  return {
    ...source,
    read: async (target, position) => {
      await source.read(target, position);
      read(target.length);
    },
  };
}

function partOf(parts: readonly Part[], file: number): Part {
  const part = parts[file];
  if (!part) throw new Error(`the checkpoint has no file ${file}`);
  return part;
}

async function checkUnchanged({ place, stamp }: Part): Promise<void> {
  if ((await place.stamp()) === stamp) return;
  throw new UserError({
    code: 'checkpoint-changed',
    message: 'the file has changed since its header was read',
    place: { file: place.name },
    remedy: 'It is read again as soon as the change is noticed; or press Read again.',
  });
}

async function configBeside(
  source: ReaderSource,
  problems: Problem[],
): Promise<ConfigBeside | undefined> {
  const path = source.kind === 'path' ? source.path : source.name;
  const file = join(dirname(path), ADAPTER_CONFIG);
  try {
    if (source.kind === 'path')
      return (await isFile(file)) ? { file, raw: await readJsonObject(file) } : undefined;
    const { adapterConfig } = source;
    return adapterConfig === undefined
      ? undefined
      : { file, raw: parseJsonObject(adapterConfig, file) };
  } catch (error) {
    if (!isUserError(error)) throw error;
    problems.push({ ...error.toJSON() });
    return undefined;
  }
}

/** Tensors that the index promises and its shard lacks. */
function mapProblems(
  index: string,
  weightMap: ReadonlyMap<string, string>,
  parts: readonly Part[],
): Problem[] {
  const held = new Map(
    parts.map(({ place, tensors }) => [place.name, new Set(tensors.map(({ name }) => name))]),
  );
  const missing = [...weightMap].filter(([name, shard]) => held.get(shard)?.has(name) === false);
  const [first] = missing;
  if (!first) return [];
  const others = missing.length > 1 ? ` and ${missing.length - 1} others` : '';
  const error = new UserError({
    code: 'tensor-missing',
    message: 'the index names tensors that their shards do not hold',
    place: { file: index, at: `${first[0]}${others}` },
    expected: `a tensor of this name in ${first[1]}`,
    found: 'none',
    remedy: 'Download the model again, or save it again with save_pretrained.',
  });
  return [{ ...error.toJSON() }];
}

function noShard(index: string, problems: readonly Problem[]): UserError {
  return new UserError({
    code: 'weights-index-invalid',
    message: 'none of the shards of this index can be read',
    place: { file: index },
    expected: 'the .safetensors files that it names, in the same folder',
    found: problems[0]?.message ?? 'no shard',
    remedy: 'Download the model again, or open one of its .safetensors files.',
  });
}
