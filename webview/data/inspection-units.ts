import {
  LANDSCAPE_MEASURES,
  type LandscapeMeasureDescription,
  type LandscapeMeasureName,
} from '../../src/shared/inspection/measures';
import {
  unitId,
  type InspectionModel,
  type SlicePoint,
  type UnitKey,
  type UnitResult,
} from '../../src/shared/inspection/model';
import type { InspectionTask } from '../../src/shared/inspection/request';
import type { MeasureResult } from '../../src/shared/inspection/results';
import type { ScopeId } from '../../src/shared/inspection/spaces';
import { byDepth, scopeNames } from './inspection-scopes';

/** All that an inspection has of one of its tasks. */
export interface TaskUnits {
  readonly index: number;
  readonly task: InspectionTask;
  readonly measure: LandscapeMeasureDescription;
  /** Those that something is known of, from the input to the output. */
  readonly scopes: readonly ScopeId[];
  readonly names: ReadonlyMap<ScopeId, string>;
  readonly results: readonly UnitResult[];
  readonly failures: readonly (UnitKey & { readonly text: string })[];
}

export type ResultOf<K extends MeasureResult['kind']> = UnitResult & {
  readonly result: Extract<MeasureResult, { kind: K }>;
};

/** @param describe an error in a sentence */
export function taskUnits(
  model: InspectionModel,
  index: number,
  describe: (error: { code: string; message: string }) => string,
): TaskUnits | undefined {
  const { manifest } = model;
  const task = manifest.request.tasks[index];
  if (!task) return undefined;
  const ofTask = <T extends UnitKey>(units: Iterable<T>) =>
    [...units].filter((unit) => unit.task === index);
  const results = ofTask(model.results.values());
  const failures = ofTask(model.failures.values());
  const begun = [...model.points.keys(), ...model.samples.keys()].map(keyOf).filter(isOf(index));
  const drawn = [...model.samples]
    .filter(([key]) => keyOf(key).task === index)
    .flatMap(([, samples]) => Object.keys(samples[0] ?? {}).filter(isScope(model)));
  const scopes = byDepth(
    [...[...results, ...failures, ...begun].map(({ scope }) => scope), ...drawn],
    manifest.modules,
  );
  const place = new Map(scopes.map((scope, i) => [scope, i]));
  const measure: LandscapeMeasureDescription = LANDSCAPE_MEASURES[task.measure];
  return {
    ...{ index, task, measure, scopes },
    names: scopeNames(scopes, manifest.modules),
    results: results.sort(
      (a, b) =>
        (place.get(a.scope) ?? 0) - (place.get(b.scope) ?? 0) || (a.rho ?? 0) - (b.rho ?? 0),
    ),
    failures: failures.map(({ error, ...key }) => ({ ...key, text: describe(error) })),
  };
}

/** The results of one kind; a measure has only those of its own. */
export function resultsOf<K extends MeasureResult['kind']>(
  { results }: TaskUnits,
  kind: K,
): readonly ResultOf<K>[] {
  return results.filter((unit): unit is ResultOf<K> => unit.result.kind === kind);
}

/** Points of a slice that is not finished. */
export function pointsOf(
  model: InspectionModel,
  { index }: TaskUnits,
  scope: ScopeId,
): readonly SlicePoint[] {
  return model.points.get(unitId({ task: index, scope })) ?? [];
}

/** Measures whose estimate is nothing but the mean of their samples. */
const MEANS: readonly LandscapeMeasureName[] = [
  'average-l2',
  'average-linf',
  'hessian-trace',
  'gauss-newton-trace',
];

export interface Provisional {
  readonly scope: ScopeId;
  readonly rho?: number | undefined;
  readonly value: number;
  /** NaN of a single draw. */
  readonly standardError: number;
  readonly draws: number;
}

/** What the draws so far say of units that have no result yet. */
export function provisional(model: InspectionModel, units: TaskUnits): readonly Provisional[] {
  if (!MEANS.includes(units.task.measure)) return [];
  const done = new Set(units.results.map(unitId));
  return [...model.samples].flatMap(([key, samples]) => {
    const { task, rho } = keyOf(key);
    if (task !== units.index) return [];
    const scopes = Object.keys(samples[0] ?? {}).filter((scope) => units.names.has(scope));
    return scopes
      .filter((scope) => !done.has(unitId({ task, scope, rho })))
      .map((scope) => ({ scope, rho, ...mean(samples.map((values) => values[scope] ?? NaN)) }));
  });
}

function mean(values: readonly number[]) {
  const draws = values.length;
  const value = values.reduce((sum, v) => sum + v, 0) / draws;
  const square = values.reduce((sum, v) => sum + (v - value) ** 2, 0);
  // Of the mean; `0 / 0` of a single draw is NaN, as it should be.
  return { value, standardError: Math.sqrt(square / (draws - 1) / draws), draws };
}

function keyOf(id: string): UnitKey {
  const [task, scope, rho] = JSON.parse(id) as [number, string, number?];
  return { task, scope, rho };
}

function isOf(index: number) {
  return ({ task }: UnitKey) => task === index;
}

function isScope({ manifest }: InspectionModel) {
  const paths = new Set(manifest.modules.map(({ path }) => path));
  return (name: string) => name === 'all' || /^block\.\d+$/.test(name) || paths.has(name);
}
