import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { INSPECTION_EVENTS } from '../shared/inspection/events';
import {
  INSPECTION_FILES,
  INSPECTIONS_FOLDER,
  inspectionManifestSchema,
  type InspectionManifest,
} from '../shared/inspection/manifest';
import {
  applyInspectionEvent,
  emptyInspectionModel,
  type InspectionModel,
} from '../shared/inspection/model';
import { RUN_FILES } from '../shared/run-manifest';
import { deleteJob, foldJob, listJobs, readJobManifest, type JobListing } from './job-store';

/** An inspection's directory as found; one that cannot be read is listed with the reason. */
export type InspectionListing = JobListing<InspectionManifest, InspectionModel>;

const INSPECTION_MANIFEST = {
  codec: INSPECTION_EVENTS,
  manifestFile: INSPECTION_FILES.manifest,
  manifestSchema: inspectionManifestSchema,
  remedies: {
    notFound: 'Name a folder that `flatscape inspect` has made, e.g. one in RUN/inspections.',
    damaged: 'Restore the file from a copy, or inspect again.',
  },
};

const INSPECTION_STORE = {
  ...INSPECTION_MANIFEST,
  emptyModel: emptyInspectionModel,
  apply: applyInspectionEvent,
  fold: foldInspection,
};

/** Folder of the inspections of a run. */
export function inspectionsFolder(run: string): string {
  return join(run, INSPECTIONS_FOLDER);
}

/**
 * The inspections of a run, or in a folder of inspections, newest first. No folder is none.
 * @param place a run directory, or a folder whose folders are inspections
 */
export function listInspections(place: string): Promise<readonly InspectionListing[]> {
  const isRun = existsSync(join(place, RUN_FILES.manifest));
  return listJobs(INSPECTION_STORE, isRun ? inspectionsFolder(place) : place);
}

/**
 * Manifest and whole journal of an inspection; as `openRun`.
 * @throws UserError `inspection-not-found`, `bad-manifest`, `bad-event`
 */
export async function openInspection(directory: string): Promise<InspectionModel> {
  return (await foldInspection(directory)).model;
}

/** `openInspection`, with the end of the journal as read. */
export function foldInspection(
  directory: string,
): Promise<{ model: InspectionModel; bytes: number }> {
  return foldJob(INSPECTION_STORE, directory);
}

/** @throws UserError `inspection-not-found`, `bad-manifest` */
export function readInspectionManifest(directory: string): Promise<InspectionManifest> {
  return readJobManifest(INSPECTION_MANIFEST, directory);
}

/** Whether a folder is an inspection's. */
export function isInspection(directory: string): boolean {
  return existsSync(join(directory, INSPECTION_FILES.manifest));
}

/**
 * Deletes an inspection with everything in it.
 * @throws UserError `run-in-use` while a process owns it, `inspection-not-found` for another folder
 */
export function deleteInspection(directory: string): Promise<void> {
  return deleteJob(INSPECTION_MANIFEST, directory, Object.values(INSPECTION_FILES));
}
