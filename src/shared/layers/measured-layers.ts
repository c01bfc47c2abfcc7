import type { ModuleInfo, RunManifest } from '../run-manifest';
import type { LayerTable, ProbeSummary, RunModel } from '../run-model';
import type { LayerKey } from './columns';

/** Where a sharpness comes from; without these it is no number. */
export interface SharpnessOrigin {
  readonly from: 'probe' | 'inspection';
  /** Of the run; unknown for an adapter that was trained elsewhere. */
  readonly step?: number | undefined;
  /** Unix milliseconds. */
  readonly time: number;
  /** In words. */
  readonly space: string;
  readonly rho: number;
  readonly examples: number;
  /** The file that the batch is of. */
  readonly source: string;
  /** Of the choice of the batch. */
  readonly seed: number;
  /** Of all modules together; no sum of the others. */
  readonly together?: number | undefined;
}

/** The values of every adapted module as they were last measured, and what they belong to. */
export interface MeasuredLayers {
  /** Of the run or inspection. */
  readonly title: string;
  readonly status: string;
  readonly modules: readonly ModuleInfo[];
  /** One value per module; NaN where there is none. Absent columns were not measured. */
  readonly values: Readonly<Partial<Record<LayerKey, readonly number[]>>>;
  readonly sharpness?: SharpnessOrigin;
  /** What the other columns belong to. */
  readonly training?: { readonly step: number; readonly totalSteps: number; readonly rho: number };
  /** Of the run. */
  readonly manifest?: RunManifest;
}

/**
 * The last probe and the last training step of a run.
 * @param upTo only what was measured up to this step, as for a checkpoint
 * @returns undefined where nothing was measured per module
 */
export function layersOfRun(model: RunModel, upTo = Infinity): MeasuredLayers | undefined {
  const { manifest, probeLayers, stepLayers, status } = model;
  const probe = lastRow(probeLayers, upTo);
  const training = lastRow(stepLayers, upTo);
  const values = {
    ...valuesOf(stepLayers, training, manifest.modules.length),
    ...valuesOf(probeLayers, probe, manifest.modules.length),
  };
  if (Object.keys(values).length === 0) return undefined;
  const summary = values.sharpness && model.probes[probe];
  return {
    title: manifest.id,
    status,
    modules: manifest.modules,
    values: withShares(values),
    ...(summary && { sharpness: originOf(summary) }),
    ...(training >= 0 && {
      training: {
        step: stepLayers.steps[training] ?? 0,
        totalSteps: model.totalSteps,
        rho: rhoAt(model, stepLayers.steps[training]),
      },
    }),
    manifest,
  };
}

/** With the share of each module in the sum of the positive sharpnesses. */
export function withShares(values: MeasuredLayers['values']): MeasuredLayers['values'] {
  const { sharpness } = values;
  if (!sharpness) return values;
  const positive = sharpness.map((value) => Math.max(0, value));
  const total = positive.reduce((sum, value) => sum + (Number.isNaN(value) ? 0 : value), 0);
  return { ...values, share: positive.map((value) => (total > 0 ? value / total : NaN)) };
}

export function finite(values: readonly number[] | undefined): number[] {
  return (values ?? []).filter(Number.isFinite);
}

/** NaN of no values. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = Math.floor(sorted.length / 2);
  const upper = sorted[half] ?? NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[half - 1] ?? NaN) + upper) / 2;
}

function originOf(probe: ProbeSummary): SharpnessOrigin {
  const { step, time, rho, examples, source, seed, sharpness: together } = probe;
  const space = 'row space of A';
  return { from: 'probe', step, time, space, rho, examples, source, seed, together };
}

/** −1 where there is none. */
function lastRow({ steps }: LayerTable, upTo: number): number {
  let row = steps.length - 1;
  while ((steps[row] ?? -1) > upTo) row -= 1;
  return row;
}

/** A row's quantities; those that no module has a value of are left out. */
function valuesOf(
  table: LayerTable,
  row: number,
  modules: number,
): Partial<Record<LayerKey, readonly number[]>> {
  if (row < 0) return {};
  const entries = Object.entries(table.values)
    .map(([key, column]) => [key, column.slice(row * modules, (row + 1) * modules)] as const)
    .filter(([, column]) => column.some((value) => !Number.isNaN(value)));
  return Object.fromEntries(entries);
}

function rhoAt({ steps }: RunModel, step: number | undefined): number {
  const index = step === undefined ? -1 : steps.step.lastIndexOf(step);
  return steps.rho[index] ?? NaN;
}
