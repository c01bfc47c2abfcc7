import { RUN_EVENTS } from '../shared/events';
import type { UserError } from '../shared/errors';
import { manifestSchema, RUN_FILES, type RunManifest } from '../shared/run-manifest';
import { applyEvent, emptyRunModel, type RunModel } from '../shared/run-model';
import {
  deleteJob,
  foldJob,
  jobInUse,
  listJobs,
  readJobManifest,
  type JobListing,
} from './job-store';

/** A run directory as found; one that cannot be read is listed with the reason. */
export type RunListing = JobListing<RunManifest, RunModel>;

const RUN_MANIFEST = {
  codec: RUN_EVENTS,
  manifestFile: RUN_FILES.manifest,
  manifestSchema,
  remedies: {
    notFound: 'List the runs with `flatscape runs`.',
    damaged:
      'Restore the file from a copy. Without it the adapter in `checkpoints` is still usable.',
  },
};

const RUN_STORE = {
  ...RUN_MANIFEST,
  emptyModel: emptyRunModel,
  apply: applyEvent,
  fold: foldRun,
};

/** The runs below an output folder, newest first. No folder is no runs. */
export function listRuns(outputDir: string): Promise<readonly RunListing[]> {
  return listJobs(RUN_STORE, outputDir);
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
export function foldRun(directory: string): Promise<{ model: RunModel; bytes: number }> {
  return foldJob(RUN_STORE, directory);
}

/** @throws UserError `run-not-found`, `bad-manifest` */
export function readManifest(directory: string): Promise<RunManifest> {
  return readJobManifest(RUN_MANIFEST, directory);
}

/**
 * Deletes a run with everything in it.
 * @throws UserError `run-in-use` while a process owns it, `run-not-found` for any other folder
 */
export function deleteRun(directory: string): Promise<void> {
  return deleteJob(RUN_MANIFEST, directory, Object.values(RUN_FILES));
}

/** @param pid of the owner, where it could still be read */
export function runInUse(directory: string, pid: number | undefined): UserError {
  return jobInUse('run', directory, pid);
}
