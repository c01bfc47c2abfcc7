import { rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setImmediate as eventLoopTurn } from 'node:timers/promises';
import {
  inspectionsFolder,
  openInspection,
  readInspectionManifest,
} from '../../client/inspection-store';
import { describeError, UserError, type UserErrorFields } from '../../shared/errors';
import { EXIT_CODES } from '../../shared/exit-codes';
import { INSPECTION_EVENTS, type InspectionEvent } from '../../shared/inspection/events';
import { INSPECTION_FILES, type InspectionManifest } from '../../shared/inspection/manifest';
import { LANDSCAPE_MEASURES } from '../../shared/inspection/measures';
import {
  applyInspectionEvent,
  emptyInspectionModel,
  type InspectionModel,
} from '../../shared/inspection/model';
import type { InspectionRequest } from '../../shared/inspection/request';
import { RUN_FILES } from '../../shared/run-manifest';
import { writeFileAtomic } from '../formats/atomic-file';
import { backendFailure, doubtBackend } from '../runs/backend-failure';
import { startControlServer } from '../runs/control-server';
import { Journal } from '../runs/journal';
import { log } from '../runs/log';
import { Requests } from '../runs/requests';
import { createRunDirectory, ownRun, type OwnedRun } from '../runs/run-directory';
import { errorFields, type SessionResult } from '../runs/run-session';
import { CostMeter } from './cost-meter';
import { inspectionDifferences } from './differences';
import { totalPasses } from './estimate';
import { measureGroups, type MeasureRun } from './measure-groups';
import type { PreparedInspection } from './prepare-inspection';
import { checkRepeatability } from './repeatability';
import { countUnits } from './units';

export interface InspectionSessionOptions {
  /** What is asked for, or the directory of an inspection to go on with. */
  readonly from: NewInspection | ResumedInspection;
  readonly prepare: (request: InspectionRequest) => Promise<PreparedInspection>;
  /** Called once the first journal line is written. */
  readonly onStarted?: (directory: string) => Promise<void>;
  /** Writes the results, once there are any; the journal is still open. */
  readonly writeResults?: (directory: string, model: InspectionModel) => Promise<void>;
  readonly requests?: Requests;
}

export interface NewInspection {
  readonly request: InspectionRequest;
  /** Folder of the directory, where it does not belong into a run. */
  readonly output: string;
}

export interface ResumedInspection {
  readonly resume: string;
  /** Another number of examples per pass than it began with. */
  readonly batchSize?: number;
}

/**
 * One inspection in this process, from the request to its end: directory, `inspection.json`, first
 * journal line, socket, measures, results. A failure after the first journal line ends up in the
 * journal and in the result.
 * @throws UserError for everything that is wrong before; a new inspection then leaves nothing behind
 */
export async function inspectionSession(options: InspectionSessionOptions): Promise<SessionResult> {
  const start =
    'resume' in options.from
      ? await resumedInspection(options, options.from)
      : await newInspection(options, options.from);
  const { owned, manifest, prepared } = start;
  try {
    const model = emptyInspectionModel(manifest);
    const file = join(owned.directory, RUN_FILES.journal);
    const journal = await Journal.openAs(INSPECTION_EVENTS, file, {
      onOldEvent: (event) => applyInspectionEvent(model, event),
    });
    try {
      return await journaled({ ...start, model, journal, options });
    } finally {
      journal.close();
    }
  } catch (error) {
    if (!start.resumed) await rm(owned.directory, { recursive: true, force: true });
    throw error;
  } finally {
    prepared.dispose();
    await owned.release();
  }
}

interface Started {
  readonly owned: OwnedRun;
  readonly manifest: InspectionManifest;
  readonly prepared: PreparedInspection;
  readonly resumed: boolean;
  readonly batchSize: number;
  readonly warnings: readonly { code: string; message: string }[];
}

interface Active extends Started {
  readonly model: InspectionModel;
  readonly journal: Journal<InspectionEvent>;
  readonly options: InspectionSessionOptions;
}

async function newInspection(
  { prepare }: InspectionSessionOptions,
  { request, output }: NewInspection,
): Promise<Started> {
  const prepared = await prepare(request);
  const { subject, data } = request;
  const folder = subject.kind === 'run' ? inspectionsFolder(subject.run) : output;
  let directory: string | undefined;
  try {
    const created = new Date();
    directory = await createRunDirectory(folder, prepared.name, created);
    const owned = await ownRun(directory, 'inspection');
    const manifest: InspectionManifest = {
      ...{ format: 1, id: basename(directory), createdAt: created.getTime(), request },
      ...prepared.facts,
    };
    const json = `${JSON.stringify(manifest, undefined, 2)}\n`;
    await writeFileAtomic(join(directory, INSPECTION_FILES.manifest), json);
    const { warnings } = prepared;
    return { owned, manifest, prepared, resumed: false, batchSize: data.batch_size, warnings };
  } catch (error) {
    prepared.dispose();
    if (directory !== undefined) await rm(directory, { recursive: true, force: true });
    throw error;
  }
}

/** It keeps the request it was started with; only the examples per pass may be others. */
async function resumedInspection(
  { prepare }: InspectionSessionOptions,
  { resume: directory, batchSize }: ResumedInspection,
): Promise<Started> {
  const manifest = await readInspectionManifest(directory);
  const before = await openInspection(directory);
  if (before.status === 'completed' && before.failures.size === 0)
    throw new UserError({
      code: 'inspection-already-completed',
      message: 'this inspection is complete',
      place: { file: directory },
      remedy: 'Inspect again for other measures.',
    });
  const owned = await ownRun(directory, 'inspection');
  try {
    const { data } = manifest.request;
    const batch_size = batchSize ?? data.batch_size;
    const prepared = await prepare({ ...manifest.request, data: { ...data, batch_size } });
    try {
      const warnings = inspectionDifferences(directory, manifest, prepared.facts);
      if (batch_size !== data.batch_size)
        warnings.push({
          code: 'batch-size-changed',
          message: `It began with ${data.batch_size} examples per pass and goes on with ${batch_size}: the last digits may differ.`,
        });
      return { owned, manifest, prepared, resumed: true, batchSize: batch_size, warnings };
    } catch (error) {
      prepared.dispose();
      throw error;
    }
  } catch (error) {
    await owned.release();
    throw error;
  }
}

async function journaled(active: Active): Promise<SessionResult> {
  const { owned, manifest, prepared, model, journal, options } = active;
  const { directory } = owned;
  const requests = options.requests ?? new Requests();
  const server = await startControlServer({
    ...{ engine: owned.engine, journal, log },
    actions: ['stop'],
    onRequest: (action) => requests.add(action),
  });
  // Thrown outside of our calls (a socket's callback): the journal still says how it ended.
  const crash = (error: Error) => {
    log(`crashed: ${error.stack ?? error.message}`);
    endFailed(journal, errorFields(error));
    process.exit(EXIT_CODES.internal.code);
  };
  process.once('uncaughtException', crash);
  journal.onAppend((event) => applyInspectionEvent(model, event));
  let begun = false;
  try {
    const units = countUnits(prepared.groups);
    journal.append({ type: 'started', units, resumed: active.resumed });
    begun = true;
    await options.onStarted?.(directory);
    log(`inspection ${manifest.id} with process ${process.pid}`);
    for (const warning of active.warnings) journal.append({ type: 'warning', ...warning });
    const stopped = await measureAll(active, requests);
    if (model.results.size > 0) {
      journal.append({ type: 'phase', phase: 'saving', message: 'writing the results' });
      await options.writeResults?.(directory, model);
    }
    return end(active, stopped ? 'stopped' : 'completed');
  } catch (error) {
    if (!begun) throw error; // the inspection is as it was
    const fields = errorFields(backendFailure(error) ?? error);
    log(`failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    endFailed(journal, fields);
    await doubtBackend(prepared.facts.backend.name, fields.code);
    return { directory, status: 'failed', error: fields };
  } finally {
    process.off('uncaughtException', crash);
    await server.close();
  }
}

/** @returns whether it was stopped */
async function measureAll(active: Active, requests: Requests): Promise<boolean> {
  const { prepared, model, journal, batchSize } = active;
  const stop = requests.stop;
  try {
    journal.append({ type: 'phase', phase: 'measuring', message: 'checking repeatability' });
    const { difference, times } = await checkRepeatability(prepared.loaded, prepared.probeSet, () =>
      turn(stop),
    );
    if (difference !== undefined)
      journal.append({
        type: 'warning',
        code: 'not-repeatable',
        message: `Two passes over the same batch differ: ${difference}. Curvatures, which are differences of gradients, may mean nothing.`,
      });
    const meter = new CostMeter({
      total: totalPasses(prepared.groups, prepared.measures),
      ...{ elapsedMs: model.elapsedMs, times },
    });
    const report = progressReporter(active, meter);
    await measureGroups({
      ...{ prepared, journal, model, meter, batchSize, stop },
      onUnit: report.unit,
      onPass: async (kind, share) => {
        meter.pass(kind, share);
        report.now();
        await turn(stop);
      },
    });
    return false;
  } catch (error) {
    if (stop.aborted) return true;
    throw error;
  }
}

/** The control socket is answered, and a stop obeyed, between two passes. */
async function turn(stop: AbortSignal): Promise<void> {
  await eventLoopTurn();
  stop.throwIfAborted();
}

const PROGRESS_MS = 1000;

/** Journals progress at the first pass of each unit, and then at most once a second. */
function progressReporter({ journal, prepared }: Active, meter: CostMeter) {
  const units = countUnits(prepared.groups);
  let last = -Infinity;
  let message = '';
  return {
    unit: ({ group: { settings, rho }, scope, index }: Parameters<MeasureRun['onUnit']>[0]) => {
      const at = rho === undefined ? '' : `, ρ ${rho}`;
      const { label } = LANDSCAPE_MEASURES[settings.measure];
      message = `${label}, ${scope}${at} (${index + 1} of ${units})`;
    },
    now: () => {
      const time = performance.now();
      if (time - last < PROGRESS_MS) return;
      last = time;
      journal.append({ type: 'progress', message, ...meter.progress });
    },
  };
}

/** One without any result has failed; one with some is what it is, and says what failed. */
function end({ model, journal, owned }: Active, status: 'completed' | 'stopped'): SessionResult {
  const { directory } = owned;
  const [failure] = model.failures.values();
  if (status === 'completed' && model.results.size === 0 && failure) {
    log(`failed: ${describeError(failure.error)}`);
    endFailed(journal, failure.error);
    return { directory, status: 'failed', error: failure.error };
  }
  journal.append({ type: 'ended', status });
  journal.sync();
  return { directory, status };
}

function endFailed(journal: Journal<InspectionEvent>, error: UserErrorFields): void {
  try {
    journal.append({ type: 'ended', status: 'failed', error });
    journal.sync();
  } catch (again) {
    // The disk that failed us cannot take this line either: readers will see `interrupted`.
    log(`the journal cannot be ended: ${String(again)}`);
  }
}
