import { join } from 'node:path';
import { INSPECTION_FILES } from '../../shared/inspection/manifest';
import { LANDSCAPE_MEASURES } from '../../shared/inspection/measures';
import type { InspectionModel, UnitKey, UnitResult } from '../../shared/inspection/model';
import type { InspectionTask } from '../../shared/inspection/request';
import type { MeasureResult } from '../../shared/inspection/results';
import type { ResultsFile } from '../../shared/inspection/results-file';
import { keepNonFinite } from '../../shared/numbers';
import { writeFileAtomic } from '../formats/atomic-file';
import { writeSafetensors, type WritableTensor } from '../formats/safetensors-write';

/**
 * Writes `results.json` and `arrays.safetensors` of an inspection; see `docs/inspection-directory.md`.
 * The arrays come first, so that a `results.json` never names one that is not there.
 * @throws UserError `disk-full`, `write-failed`
 */
export async function writeResults(directory: string, model: InspectionModel): Promise<void> {
  const { modules: _modules, estimate: _estimate, ...manifest } = model.manifest;
  const units = [...model.results.values()].sort((a, b) => a.task - b.task);
  const tensors = units.map((unit) => tensorsOf(unit));
  const file: ResultsFile = {
    ...manifest,
    results: units.map((unit, i) => ({
      ...describeUnit(model, unit),
      ...measuredWith(model, unit),
      ...(unit.hvp && { hvp: unit.hvp }),
      ...{ notes: [...unit.notes], elapsedMs: unit.elapsedMs, result: unit.result },
      arrays: Object.fromEntries((tensors[i] ?? []).map(({ field, name }) => [field, name])),
    })),
    failures: [...model.failures.values()].map(
      ({ error: { code, message, found, remedy }, ...unit }) => ({
        ...describeUnit(model, unit),
        ...{ code, message },
        ...(found !== undefined && { found }),
        ...(remedy !== undefined && { remedy }),
      }),
    ),
    warnings: model.warnings,
  };
  const metadata = { format: 'flatscape-inspection', inspection: manifest.id };
  await writeSafetensors(join(directory, INSPECTION_FILES.arrays), tensors.flat(), metadata);
  const json = `${JSON.stringify(file, keepNonFinite, 2)}\n`;
  await writeFileAtomic(join(directory, INSPECTION_FILES.results), json);
}

function taskOf({ manifest }: InspectionModel, { task }: UnitKey): InspectionTask {
  const found = manifest.request.tasks[task];
  if (!found) throw new Error(`the request has no task ${task}`);
  return found;
}

function describeUnit(
  model: InspectionModel,
  unit: UnitKey,
): Pick<ResultsFile['results'][number], 'task' | 'measure' | 'scope' | 'space' | 'rho'> {
  const { measure, space } = taskOf(model, unit);
  const { task, scope, rho } = unit;
  return { task, measure, scope, space, ...(rho !== undefined && { rho }) };
}

function measuredWith(
  model: InspectionModel,
  unit: UnitKey,
): Pick<ResultsFile['results'][number], 'seed' | 'batch' | 'settings'> {
  const task = taskOf(model, unit);
  const { data, request } = model.manifest;
  const { reads } = LANDSCAPE_MEASURES[task.measure];
  const kept = new Set<string>([...reads, 'only']);
  return {
    seed: task.seed,
    batch: {
      examples: data.examples,
      batch_size: request.data.batch_size,
      seed: request.data.seed,
    },
    settings: Object.fromEntries(Object.entries(task).filter(([key]) => kept.has(key))),
  };
}

type ResultTensor = WritableTensor & { readonly field: string };

/** The lists of a result, float64, as `TASK/SCOPE/FIELD` or `TASK/SCOPE/RHO/FIELD`. */
function tensorsOf({ task, scope, rho, result }: UnitResult): ResultTensor[] {
  const stem = [task, scope, ...(rho === undefined ? [] : [rho])].join('/');
  return listsOf(result).map(([field, shape, values]) => ({
    ...{ field, name: `${stem}/${field}`, shape },
    values: Float64Array.from(values),
  }));
}

type List = readonly [field: string, shape: readonly number[], values: readonly number[]];

function listsOf(result: MeasureResult): List[] {
  const vector = (field: string, values: readonly number[]): List => [
    field,
    [values.length],
    values,
  ];
  switch (result.kind) {
    case 'scalar':
      return [];
    case 'eigenvalues':
      return [vector('values', result.values), vector('residuals', result.residuals)];
    case 'density':
      return [
        ...[vector('grid', result.grid), vector('density', result.density)],
        ...[table('nodes', result.nodes), table('weights', result.weights)],
      ];
    case 'line':
      return [
        ...[vector('x', result.x), vector('loss', result.loss)],
        ...(result.noise ? [vector('noise', result.noise)] : []),
      ];
    case 'surface': {
      const { x, y, loss, noise } = result;
      const grid = [y.length, x.length];
      return [
        ...[vector('x', x), vector('y', y), ['loss', grid, loss] as const],
        ...(noise ? [['noise', grid, noise] as const] : []),
      ];
    }
  }
}

/** Rows of one table; short ones, of a start whose iteration ended early, are filled with NaN. */
function table(field: string, rows: readonly (readonly number[])[]): List {
  const width = Math.max(0, ...rows.map(({ length }) => length));
  const values = rows.flatMap((row) => Array.from({ length: width }, (_, i) => row[i] ?? NaN));
  return [field, [rows.length, width], values];
}
