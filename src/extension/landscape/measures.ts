import * as vscode from 'vscode';
import {
  LANDSCAPE_MEASURE_NAMES,
  LANDSCAPE_MEASURES,
  type LandscapeMeasureDescription,
  type LandscapeMeasureName,
} from '../../shared/inspection/measures';
import { PRESET_NAMES, PRESETS } from '../../shared/inspection/presets';
import type { InspectionTaskInput } from '../../shared/inspection/request';
import { SPACE_NAMES, SPACES, type SpaceName } from '../../shared/inspection/spaces';

type Tasks = readonly InspectionTaskInput[];
type Scope = NonNullable<InspectionTaskInput['scope']>;

/** What is measured: a preset, or measures with scope, space and radii. Undefined: cancelled. */
export async function chooseTasks(): Promise<Tasks | undefined> {
  const presets = PRESET_NAMES.map((name) => {
    const { label, summary, tasks } = PRESETS[name];
    return { label, detail: summary, tasks: tasks as Tasks };
  });
  const own = {
    label: vscode.l10n.t('$(list-selection) Choose measures...'),
    detail: vscode.l10n.t('Any measures, with scope, space and ρ'),
    tasks: undefined,
  };
  const picked = await vscode.window.showQuickPick([...presets, own], {
    title: vscode.l10n.t('Inspect: Measure'),
    placeHolder: vscode.l10n.t('What to measure'),
    matchOnDetail: true,
  });
  return picked && (picked.tasks ?? chooseOwn());
}

async function chooseOwn(): Promise<Tasks | undefined> {
  const measures = await chooseMeasures();
  const scope = measures && measures.length > 0 ? await chooseScope() : undefined;
  const space = measures && scope && (await chooseSpace(measures));
  const rho = space && (await chooseRho(measures));
  if (!measures || !scope || !space || !rho) return undefined;
  return measures.map((measure) => ({
    ...{ measure, scope, space: spaceFor(measure, space) },
    ...(LANDSCAPE_MEASURES[measure].atRho && { rho }),
  }));
}

async function chooseMeasures(): Promise<readonly LandscapeMeasureName[] | undefined> {
  const items = LANDSCAPE_MEASURE_NAMES.map((measure) => {
    const { label, summary, passesText }: LandscapeMeasureDescription = LANDSCAPE_MEASURES[measure];
    const cost = vscode.l10n.t('passes: {0}', passesText);
    return { label, description: cost, detail: summary, measure, picked: measure === 'sam' };
  });
  const picked = await vscode.window.showQuickPick(items, {
    title: vscode.l10n.t('Inspect: Measures'),
    placeHolder: vscode.l10n.t('f: a forward pass; g: forward and backward'),
    canPickMany: true,
    matchOnDetail: true,
  });
  return picked?.map(({ measure }) => measure);
}

async function chooseScope(): Promise<Scope | undefined> {
  const items: { label: string; detail: string; scope: Scope }[] = [
    {
      label: vscode.l10n.t('Each module'),
      detail: vscode.l10n.t('One number for each, the others left as they are'),
      scope: 'modules',
    },
    {
      label: vscode.l10n.t('Each block'),
      detail: vscode.l10n.t('One number for each transformer block'),
      scope: 'blocks',
    },
    {
      label: vscode.l10n.t('All modules together'),
      detail: vscode.l10n.t('One number'),
      scope: 'all',
    },
  ];
  const title = vscode.l10n.t('Inspect: Scope');
  return (await vscode.window.showQuickPick(items, { title }))?.scope;
}

async function chooseSpace(measures: readonly LandscapeMeasureName[]) {
  const able = SPACE_NAMES.filter((space) =>
    measures.some((measure) => LANDSCAPE_MEASURES[measure].spaces.includes(space)),
  );
  const items = able.map((space) => {
    const { label, summary, gaugeInvariant } = SPACES[space];
    const gauge = gaugeInvariant
      ? vscode.l10n.t('gauge-invariant')
      : vscode.l10n.t('gauge-dependent');
    return { label, description: gauge, detail: summary, space };
  });
  if (items.length === 1) return items[0]?.space;
  const title = vscode.l10n.t('Inspect: Space');
  return (await vscode.window.showQuickPick(items, { title, matchOnDetail: true }))?.space;
}

/** A measure that does not know the chosen space has only one of its own. */
function spaceFor(measure: LandscapeMeasureName, wanted: SpaceName): SpaceName {
  const { spaces } = LANDSCAPE_MEASURES[measure];
  return spaces.includes(wanted) ? wanted : (spaces[0] ?? wanted);
}

async function chooseRho(measures: readonly LandscapeMeasureName[]): Promise<number[] | undefined> {
  if (!measures.some((measure) => LANDSCAPE_MEASURES[measure].atRho)) return [];
  const text = await vscode.window.showInputBox({
    title: vscode.l10n.t('Inspect: ρ'),
    prompt: vscode.l10n.t('Radii, separated by commas; one result each'),
    value: '0.05',
    validateInput: (value) =>
      radii(value) ? undefined : vscode.l10n.t('Positive numbers up to 1000, such as 0.02, 0.05'),
  });
  return text === undefined ? undefined : radii(text);
}

function radii(text: string): number[] | undefined {
  const values = text
    .split(/[\s,;]+/)
    .filter(Boolean)
    .map(Number);
  return values.length > 0 && values.every((v) => v > 0 && v <= 1000) ? values : undefined;
}
