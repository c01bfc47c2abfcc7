import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { z } from 'zod';
import { isUserError, UserError, type UserErrorFields } from '../shared/errors';
import { manifestSchema, RUN_FILES, type RunManifest } from '../shared/run-manifest';
import { applyEvent, emptyRunModel, type RunModel } from '../shared/run-model';
import { expectationOf } from '../shared/zod-issue';
import { isMissing, readError } from '../shared/file-errors';
import { readJournal } from './journal-reader';
import { liveEngine } from './process-identity';

/** A run directory as found; one that cannot be read is listed with the reason. */
export interface RunListing {
  readonly directory: string;
  readonly manifest?: RunManifest;
  readonly error?: UserErrorFields;
  /** The folded journal. Shared between calls: read it, don't change it. */
  readonly model?: RunModel;
}

/** The runs below an output folder, newest first. No folder is no runs. */
export async function listRuns(outputDir: string): Promise<readonly RunListing[]> {
  const entries = await readdir(outputDir, { withFileTypes: true }).catch((error: unknown) => {
    if (isMissing(error)) return [];
    throw readError(error, outputDir);
  });
  const folders = entries
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
    .map((entry) => resolve(outputDir, entry.name));
  const listings = await Promise.all(folders.map(listRun));
  return listings
    .filter((listing) => listing !== undefined)
    .sort((a, b) => (b.manifest?.createdAt ?? 0) - (a.manifest?.createdAt ?? 0));
}

/**
 * Manifest and whole journal of a run. A torn last line is tolerated. The status is `interrupted`
 * when the journal does not say how the run ended and no live process owns it.
 * @throws UserError `run-not-found`, `bad-manifest`, `bad-event`
 */
export async function openRun(directory: string): Promise<RunModel> {
  return (await foldRun(directory)).model;
}

/** `openRun`, with the end of the journal as read, for a reader that goes on from there. */
export async function foldRun(directory: string): Promise<{ model: RunModel; bytes: number }> {
  const model = emptyRunModel(await readManifest(directory));
  const journal = join(directory, RUN_FILES.journal);
  const { bytes } = await readJournal(journal, (event) => applyEvent(model, event));
  if (model.status === 'running' && !(await liveEngine(directory))) model.status = 'interrupted';
  return { model, bytes };
}

/** @throws UserError `run-not-found`, `bad-manifest` */
export async function readManifest(directory: string): Promise<RunManifest> {
  const file = join(directory, RUN_FILES.manifest);
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    if (!isMissing(error)) throw readError(error, file);
    throw new UserError({
      code: 'run-not-found',
      message: 'this is not a run directory',
      place: { file: directory },
      expected: `a folder with ${RUN_FILES.manifest}`,
      remedy: 'List the runs with `flatscape runs`.',
    });
  });
  const parsed = manifestSchema.safeParse(parseJson(text));
  if (parsed.success) return parsed.data;
  throw badManifest(file, parsed.error.issues[0]);
}

/**
 * Deletes a run with everything in it.
 * @throws UserError `run-in-use` while a process owns it, `run-not-found` for any other folder
 */
export async function deleteRun(directory: string): Promise<void> {
  const owner = await liveEngine(directory);
  if (owner) throw runInUse(directory, owner.pid);
  const known = Object.values(RUN_FILES).map((name) => exists(join(directory, name)));
  // Never delete a folder that only looks unreadable because it is not ours.
  if (!(await Promise.all(known)).includes(true)) await readManifest(directory);
  await rm(directory, { recursive: true, force: true });
}

/** @param pid of the owner, where it could still be read */
export function runInUse(directory: string, pid: number | undefined): UserError {
  return new UserError({
    code: 'run-in-use',
    message: 'another process is working on this run',
    place: { file: directory },
    ...(pid !== undefined && { found: `process ${pid}` }),
    remedy: 'Stop it first (`flatscape stop RUN`), or wait until it has ended.',
  });
}

interface CachedModel {
  readonly key: string;
  readonly model: RunModel;
}

/** Folding a long journal costs up to a second; a list is refreshed often and seldom changes. */
const cache = new Map<string, CachedModel>();

async function listRun(directory: string): Promise<RunListing | undefined> {
  let manifest: RunManifest | undefined;
  try {
    manifest = await readManifest(directory);
    return { directory, manifest, model: await cachedRun(directory) };
  } catch (error) {
    if (!isUserError(error)) {
      const message = error instanceof Error ? error.message : String(error);
      return { directory, error: { code: 'run-unreadable', message, place: { file: directory } } };
    }
    if (error.code === 'run-not-found') return undefined;
    return { directory, ...(manifest && { manifest }), error: error.toJSON() };
  }
}

async function cachedRun(directory: string): Promise<RunModel> {
  const journal = await stat(join(directory, RUN_FILES.journal)).catch(() => undefined);
  const owner = await liveEngine(directory);
  const key = [journal?.size, journal?.mtimeMs, owner?.token].join(':');
  const cached = cache.get(directory);
  if (cached?.key === key) return cached.model;
  const model = await openRun(directory);
  cache.set(directory, { key, model });
  return model;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function badManifest(file: string, issue: z.core.$ZodIssue | undefined): UserError {
  const at = issue?.path.join('.');
  return new UserError({
    code: 'bad-manifest',
    message: `${RUN_FILES.manifest} does not describe a run`,
    place: { file, ...(at && { at }) },
    expected: expectationOf(issue) ?? 'a run',
    ...(!at && { found: 'no whole JSON document' }),
    remedy:
      at === 'format'
        ? 'A newer version of Flatscape wrote it: update.'
        : 'Restore the file from a copy. Without it the adapter in `checkpoints` is still usable.',
  });
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
