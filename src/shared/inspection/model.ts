import type { UserErrorFields } from '../errors';
import type { InspectionEvent, InspectionEventOf } from './events';
import type { InspectionManifest } from './manifest';
import type { MeasureResult } from './results';

export interface UnitKey {
  readonly task: number;
  readonly scope: string;
  readonly rho?: number | undefined;
}

export interface UnitResult extends UnitKey {
  readonly result: MeasureResult;
  readonly hvp?: 'exact' | 'difference' | undefined;
  readonly notes: readonly string[];
  readonly elapsedMs: number;
}

export type SlicePoint = Pick<InspectionEventOf<'point'>, 'x' | 'y' | 'loss' | 'noise' | 'level'>;

/** Everything an inspection’s journal says so far, folded by `applyInspectionEvent` alone. */
export interface InspectionModel {
  readonly manifest: InspectionManifest;
  nextSeq: number;
  status: 'running' | 'completed' | 'stopped' | 'failed' | 'interrupted';
  phase: string;
  units: number;
  fraction: number;
  /** Spent in measuring, by all processes together. */
  elapsedMs: number;
  remainingMs: number | undefined;
  /** By `unitId`. */
  results: Map<string, UnitResult>;
  failures: Map<string, UnitKey & { error: UserErrorFields }>;
  /** By `unitId`, of units without a result yet. */
  points: Map<string, SlicePoint[]>;
  /** By `unitId`, in the order of their index. */
  samples: Map<string, Readonly<Record<string, number>>[]>;
  warnings: { code: string; message: string }[];
  error?: UserErrorFields;
  startedAt: number;
  lastEventAt: number;
}

export function unitId({ task, scope, rho }: UnitKey): string {
  return JSON.stringify(rho === undefined ? [task, scope] : [task, scope, rho]);
}

export function emptyInspectionModel(manifest: InspectionManifest): InspectionModel {
  return {
    manifest,
    nextSeq: 0,
    status: 'running',
    phase: 'starting',
    units: 0,
    fraction: 0,
    elapsedMs: 0,
    remainingMs: undefined,
    results: new Map(),
    failures: new Map(),
    points: new Map(),
    samples: new Map(),
    warnings: [],
    startedAt: manifest.createdAt,
    lastEventAt: manifest.createdAt,
  };
}

/** Folds one event into the model, in place; one that was seen before changes nothing. */
export function applyInspectionEvent(model: InspectionModel, event: InspectionEvent): void {
  if (event.seq < model.nextSeq) return;
  model.nextSeq = event.seq + 1;
  model.lastEventAt = event.time;
  switch (event.type) {
    case 'started':
      model.status = 'running';
      model.units = event.units;
      delete model.error;
      if (!event.resumed) model.startedAt = event.time;
      return;
    case 'phase':
      model.phase = event.message;
      return;
    case 'progress':
      model.phase = event.message;
      model.fraction = event.fraction;
      model.elapsedMs = event.elapsedMs;
      model.remainingMs = event.remainingMs;
      return;
    case 'sample':
      append(model.samples, unitId(event), event.values);
      return;
    case 'point':
      append(model.points, unitId(event), event);
      return;
    case 'result': {
      const { task, scope, rho, result, hvp, elapsedMs, notes = [] } = event;
      const unit = { task, scope, rho, result, hvp, notes, elapsedMs };
      model.results.set(unitId(event), unit);
      model.failures.delete(unitId(event));
      return;
    }
    case 'failed':
      model.failures.set(unitId(event), {
        ...{ task: event.task, scope: event.scope, rho: event.rho },
        error: event.error as UserErrorFields,
      });
      return;
    case 'warning':
      model.warnings.push({ code: event.code, message: event.message });
      return;
    case 'ended':
      model.status = event.status;
      model.remainingMs = undefined;
      if (event.status === 'completed') model.fraction = 1;
      if (event.error) model.error = event.error as UserErrorFields;
  }
}

function append<T>(lists: Map<string, T[]>, key: string, item: T): void {
  const list = lists.get(key);
  if (list) list.push(item);
  else lists.set(key, [item]);
}
