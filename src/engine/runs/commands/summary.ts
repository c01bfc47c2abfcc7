import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describeError } from '../../../shared/errors';
import { QUANTITIES, QUANTITY_KEYS, type QuantityKey } from '../../../shared/quantities';
import { RUN_FILES, type ModuleInfo } from '../../../shared/run-manifest';
import type { LayerTable, RunModel } from '../../../shared/run-model';
import { shortNumber, textTable, type Column } from './table';

/** What the end of a run prints of each module: the rest is in `show --json` and the dashboard. */
const PRINTED: readonly QuantityKey[] = [
  'sharpness',
  'balancedness',
  'balancednessRate',
  'normEhat',
  'rhoEffRatio',
  'kappaA',
  'kappaB',
  'normDeltaW',
  'tangentGradient',
];

/** What the end of a run, and `show`, say in text. */
export function summaryText(directory: string, model: RunModel): string {
  const { manifest, status, steps, evals } = model;
  const adapter = lastAdapter(directory, model);
  const [before, after] = [evals[0], evals.at(-1)];
  const report = join(directory, RUN_FILES.report);
  const lines = [
    `${manifest.id}: ${status}, step ${steps.step.at(-1) ?? 0} of ${model.totalSteps}`,
    `model     ${manifest.model.architecture}, ${manifest.modules.length} adapted modules, ${manifest.parameters.trainable} of ${manifest.parameters.total} parameters`,
    `method    ${manifest.config.method.name} on ${manifest.backend.name} (${manifest.backend.reason})`,
    `loss      ${shortNumber(steps.loss.at(-1))}`,
    ...(before && after
      ? [
          `accuracy  ${shortNumber(before.accuracy)} (step ${before.step}) → ${shortNumber(after.accuracy)} (step ${after.step}); macro F1 ${shortNumber(after.macroF1)}, Matthews ${shortNumber(after.matthews)}`,
        ]
      : []),
    ...(model.degenerate > 0 ? [`warning   ${model.degenerate} degenerate perturbations`] : []),
    ...model.warnings.map(({ message }) => `warning   ${message}`),
    ...(adapter === undefined ? [] : [`adapter   ${adapter}`]),
    ...(existsSync(report) ? [`report    ${report}`] : []),
    ...(model.error ? [`error     ${describeError(model.error)}`] : []),
  ];
  const table = layerTable(model);
  return table === undefined ? lines.join('\n') : `${lines.join('\n')}\n\n${table}`;
}

/** The folder of the newest checkpoint: a PEFT adapter. */
export function lastAdapter(directory: string, model: RunModel): string | undefined {
  const last = model.checkpoints.at(-1);
  return last && join(directory, ...last.directory.split('/'));
}

/** Last measured value of each quantity, by module; for `--json`. */
export function lastLayers(model: RunModel): { module: string; values: Record<string, number> }[] {
  const keys = measuredKeys(model);
  return model.manifest.modules.map(({ path }, i) => ({
    module: path,
    values: Object.fromEntries(keys.map((key) => [key, lastValue(model, key, i)])),
  }));
}

/** One line per adapted module, one column per quantity that was measured. */
function layerTable(model: RunModel): string | undefined {
  const keys = measuredKeys(model).filter((key) => PRINTED.includes(key));
  if (keys.length === 0) return undefined;
  const rows = model.manifest.modules.map((module, index) => ({ module, index }));
  const columns: Column<{ module: ModuleInfo; index: number }>[] = [
    { head: 'module', cell: ({ module }) => shortPath(module) },
    ...keys.map((key) => ({
      head: QUANTITIES[key].label,
      right: true,
      cell: ({ index }: { index: number }) => shortNumber(lastValue(model, key, index)),
    })),
  ];
  return `${textTable(rows, columns)}\n\n${provenance(model)}`;
}

/** Where the numbers of the table come from. */
function provenance({ probes, steps, manifest }: RunModel): string {
  const probe = probes.at(-1);
  const sharpness = probe
    ? `sharpness at step ${probe.step}: row space, ρ ${probe.rho}, ${probe.examples} ${probe.source} examples, seed ${probe.seed}; `
    : '';
  return `${sharpness}the rest at step ${steps.step.at(-1) ?? 0}, on its training batch (seed ${manifest.config.train.seed})`;
}

function shortPath({ layer, kind, path }: ModuleInfo): string {
  return layer === null ? path : `${layer}.${kind}`;
}

function measuredKeys({ stepLayers, probeLayers }: RunModel): QuantityKey[] {
  return QUANTITY_KEYS.filter((key) => key in stepLayers.values || key in probeLayers.values);
}

/** The steps' own value where there is one: a probe's are of its own batch. */
function lastValue({ stepLayers, probeLayers, manifest }: RunModel, key: QuantityKey, i: number) {
  const table: LayerTable = key in stepLayers.values ? stepLayers : probeLayers;
  const column = table.values[key] ?? [];
  return column[column.length - manifest.modules.length + i] ?? NaN;
}
