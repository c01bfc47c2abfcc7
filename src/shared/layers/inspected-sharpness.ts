import type { InspectionModel } from '../inspection/model';
import { unitId } from '../inspection/model';
import type { InspectionTask } from '../inspection/request';
import { SPACES } from '../inspection/spaces';
import { withShares, type MeasuredLayers, type SharpnessOrigin } from './measured-layers';

/** The sharpness of each module, as an inspection found it. */
export interface InspectedSharpness {
  readonly origin: SharpnessOrigin;
  /** By module path. */
  readonly values: ReadonlyMap<string, number>;
}

/**
 * What an inspection knows of the modules: its first SAM sharpness per module, at its first radius.
 * @returns undefined where it has none, or not yet all: shares of a part would mislead
 */
export function sharpnessOfInspection(model: InspectionModel): InspectedSharpness | undefined {
  if (model.status !== 'completed') return undefined;
  const { request, modules, data } = model.manifest;
  const task = request.tasks.findIndex(isPerModule);
  const settings = request.tasks[task];
  const rho = settings?.rho[0];
  if (!settings || rho === undefined) return undefined;
  const values = new Map<string, number>();
  for (const { path } of modules) {
    const value = scalar(model, { task, scope: path, rho });
    if (value !== undefined) values.set(path, value);
  }
  if (values.size === 0) return undefined;
  const { subject } = request;
  return {
    values,
    origin: {
      from: 'inspection',
      step: model.manifest.step,
      time: model.lastEventAt,
      space: SPACES[settings.space].label,
      rho,
      examples: data.examples,
      source: subject.kind === 'run' ? request.data.source : baseName(data.file),
      seed: request.data.seed,
      together: together(model, settings, rho),
    },
  };
}

/** The layers with the sharpness of an inspection, where that is newer and of no earlier step. */
export function withInspection(
  layers: MeasuredLayers,
  inspected: InspectedSharpness | undefined,
): MeasuredLayers {
  if (!inspected) return layers;
  const { time = -Infinity, step = -Infinity } = layers.sharpness ?? {};
  if (time > inspected.origin.time || step > (inspected.origin.step ?? Infinity)) return layers;
  const sharpness = layers.modules.map(({ path }) => inspected.values.get(path) ?? NaN);
  return {
    ...layers,
    values: withShares({ ...layers.values, sharpness }),
    sharpness: inspected.origin,
  };
}

/** The layers of an inspection alone: of an adapter that no run of ours has made. */
export function layersOfInspection(model: InspectionModel): MeasuredLayers | undefined {
  const inspected = sharpnessOfInspection(model);
  const { title, modules } = model.manifest;
  return (
    inspected && withInspection({ title, status: model.status, modules, values: {} }, inspected)
  );
}

function isPerModule({ measure, scope }: InspectionTask): boolean {
  return measure === 'sam' && scope === 'modules';
}

function scalar(model: InspectionModel, unit: Parameters<typeof unitId>[0]): number | undefined {
  const result = model.results.get(unitId(unit))?.result;
  return result?.kind === 'scalar' ? result.value : undefined;
}

/** The same measure of all modules at once, if it was asked for as well. */
function together(
  model: InspectionModel,
  { space }: InspectionTask,
  rho: number,
): number | undefined {
  const task = model.manifest.request.tasks.findIndex(
    (other) =>
      other.measure === 'sam' &&
      other.scope === 'all' &&
      other.space === space &&
      other.only === undefined &&
      other.rho.includes(rho),
  );
  return task < 0 ? undefined : scalar(model, { task, scope: 'all', rho });
}

function baseName(file: string): string {
  return file.split(/[/\\]/).at(-1) ?? file;
}
