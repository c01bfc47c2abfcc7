import type { InspectionModel } from '../../src/shared/inspection/model';
import type { InspectionTask } from '../../src/shared/inspection/request';
import { SPACES } from '../../src/shared/inspection/spaces';
import { formatCount, formatSetting } from '../data/format';
import type { TaskUnits } from '../data/inspection-units';

/** The sentences without which a number says nothing: space, rho, seed, batch, how it was made. */
export function settingsNotes(model: InspectionModel, units: TaskUnits): string[] {
  const { task, measure } = units;
  const space = SPACES[task.space];
  const { data } = model.manifest.request;
  const { examples, length } = model.manifest.data;
  const gauge = space.gaugeInvariant ? 'gauge-invariant' : 'gauge-dependent';
  const rho = measure.atRho ? [`ρ ${task.rho.map(formatSetting).join(', ')}`] : [];
  const how = ownSettings(units);
  return [
    [`Space: ${space.label} (${gauge})`, ...rho, `seed ${task.seed}`, ...how].join(' · '),
    `Loss over ${formatCount(examples)} ${sourceOf(model)} examples (seed ${data.seed}) in batches of ${data.batch_size}, up to ${formatCount(length)} tokens · backend ${model.manifest.backend.name}`,
  ];
}

/** Which numbers are drawn of a measure, in one line, for the caption of an export. */
export function formulaCaption({ measure }: TaskUnits): string {
  return `${measure.label}: ${measure.formula} (${measure.source})`;
}

const TEXTS: Partial<Record<keyof InspectionTask, (task: InspectionTask) => string | undefined>> = {
  steps: ({ steps }) => `at most ${formatCount(steps)} steps`,
  step_size: ({ step_size }) => (step_size ? `step size ${formatSetting(step_size)}` : undefined),
  draws: ({ draws }) => `${formatCount(draws)} draws`,
  probes: ({ probes }) => `${formatCount(probes)} probes`,
  eigenvalues: ({ eigenvalues }) => `${eigenvalues} at each end`,
  tolerance: ({ tolerance }) => `tolerance ${formatSetting(tolerance)}`,
  adaptive: ({ adaptive }) => (adaptive ? 'noise scaled by |w|' : undefined),
  normalize_logits: ({ normalize_logits }) =>
    normalize_logits ? 'logits divided by their norm' : undefined,
  directions: ({ directions, directions_file }) =>
    directions_file ? `directions from ${directions_file}` : `${directions} directions`,
  normalize: ({ directions, normalize }) =>
    directions === 'imported' ? undefined : normalizeText(normalize),
  extent: ({ extent }) => `±${formatSetting(extent)} in units of the directions`,
};

function ownSettings({ task, measure, results }: TaskUnits): string[] {
  const texts = measure.reads.flatMap((key) => TEXTS[key as keyof InspectionTask]?.(task) ?? []);
  const products = new Set(results.flatMap(({ hvp }) => hvp ?? []));
  const how = [...products].map((hvp) =>
    hvp === 'exact' ? 'exact Hessian products' : 'Hessian products by central differences',
  );
  return [...texts, ...how];
}

function normalizeText(normalize: InspectionTask['normalize']): string {
  if (normalize === 'filter') return 'filter-normalised';
  return normalize === 'layer' ? 'normalised layer by layer' : 'not normalised';
}

function sourceOf({ manifest }: InspectionModel): string {
  return manifest.request.subject.kind === 'run' ? manifest.request.data.source : 'data';
}
