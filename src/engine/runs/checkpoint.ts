import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isUserError, UserError } from '../../shared/errors';
import { RUN_FILES } from '../../shared/run-manifest';
import { syncFolder } from '../formats/atomic-file';
import { isMissing, writeError } from '../../shared/file-errors';

export interface CheckpointOptions {
  /** The run directory. */
  readonly directory: string;
  readonly step: number;
  /** Checkpoints to keep, this one included. */
  readonly keep: number;
  /** Writes all files into the folder it is given. */
  readonly write: (folder: string) => Promise<void>;
}

export interface WrittenCheckpoint {
  /** Relative to the run directory, with `/`. */
  readonly directory: string;
  readonly bytes: number;
  readonly removed: string[];
}

/**
 * Writes `checkpoints/step-N`: under another name first, which is then changed, so that a folder of
 * that name is always complete. Older ones are deleted only afterwards.
 * @throws UserError `disk-full`, `write-failed`; nothing is left of the attempt and the older
 *   checkpoints are as they were
 */
export async function writeCheckpoint(options: CheckpointOptions): Promise<WrittenCheckpoint> {
  const { directory, step, keep, write } = options;
  const parent = join(directory, RUN_FILES.checkpoints);
  const final = checkpointPath(directory, step);
  const temporary = join(parent, `.step-${step}.tmp`);
  try {
    await removeUnfinished(parent);
    await mkdir(temporary, { recursive: true });
    await write(temporary);
    await syncFolder(temporary);
    const bytes = await folderSize(temporary);
    await rm(final, { recursive: true, force: true });
    await rename(temporary, final);
    await syncFolder(parent);
    return { directory: relativePath(step), bytes, removed: await prune(directory, keep) };
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    throw resumable(writeError(error, final));
  }
}

export function checkpointPath(directory: string, step: number): string {
  return join(directory, RUN_FILES.checkpoints, `step-${step}`);
}

/** The step of a checkpoint's folder name; undefined for any other name. */
export function checkpointStep(name: string): number | undefined {
  const digits = /^step-(\d+)$/.exec(name)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/** Steps of the complete checkpoints of a run, ascending. */
export async function checkpointSteps(directory: string): Promise<number[]> {
  const names = await readdir(join(directory, RUN_FILES.checkpoints)).catch((error: unknown) => {
    if (isMissing(error)) return [];
    throw error;
  });
  return names.flatMap((name) => checkpointStep(name) ?? []).sort((a, b) => a - b);
}

/** What a process that was killed in the middle of a checkpoint has left. */
async function removeUnfinished(parent: string): Promise<void> {
  const names = await readdir(parent).catch((error: unknown) => {
    if (isMissing(error)) return [];
    throw error;
  });
  for (const name of names)
    if (/^\.step-\d+\.tmp$/.test(name)) await rm(join(parent, name), { recursive: true });
}

async function prune(directory: string, keep: number): Promise<string[]> {
  const steps = await checkpointSteps(directory);
  const old = steps.slice(0, Math.max(0, steps.length - keep));
  for (const step of old) await rm(checkpointPath(directory, step), { recursive: true });
  return old.map(relativePath);
}

function relativePath(step: number): string {
  return `${RUN_FILES.checkpoints}/step-${step}`;
}

function resumable(error: unknown): unknown {
  if (!isUserError(error) || error.code !== 'disk-full') return error;
  const remedy =
    'Free some space and resume the run: it goes on from its last checkpoint, or from the start.';
  return new UserError({ ...error.toJSON(), remedy }, { cause: error });
}

async function folderSize(folder: string): Promise<number> {
  const names = await readdir(folder);
  const sizes = await Promise.all(names.map(async (name) => (await stat(join(folder, name))).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}
