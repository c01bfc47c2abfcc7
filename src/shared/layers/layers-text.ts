import { LAYER_COLUMNS, type LayerColumn, type LayerKey } from './columns';
import { cellText, shortNumber, timeText } from './format';
import { heatLevels } from './heat';
import type { MeasuredLayers } from './measured-layers';
import { inBlocks, ranked, type LayerOrder } from './order';

/** A number of the text that is coloured. */
export interface HeatCell {
  readonly line: number;
  /** Columns of the line in UTF-16 units; `end` is exclusive. */
  readonly start: number;
  readonly end: number;
  /** 1 to `HEAT_LEVELS`. */
  readonly level: number;
}

export interface LayersText {
  readonly text: string;
  readonly heat: readonly HeatCell[];
}

interface Line {
  readonly name: string;
  readonly cells: readonly string[];
  /** Of the coloured column; 0 is none. */
  readonly level?: number;
}

/**
 * The layers document: what was measured and how, then one line per module in aligned columns.
 * Lines before the table begin with `#`; lines of modules inside a block are indented, so that the
 * block folds.
 */
export function layersText(layers: MeasuredLayers, order: LayerOrder): LayersText {
  const columns = columnsOf(layers, order);
  const head = headOf(layers, order, columns);
  const table = tableOf(layers, order, columns);
  const all: Line[] = [{ name: 'module', cells: columns.map((c) => c.head) }, ...table];
  const nameWidth = Math.max(...all.map(({ name }) => name.length));
  const widths = columns.map((_, c) => Math.max(...all.map(({ cells }) => cells[c]?.length ?? 0)));
  const lines = [...head, ''];
  const heat: HeatCell[] = [];
  for (const { name, cells, level = 0 } of all) {
    const padded = cells.map((cell, c) => cell.padStart(widths[c] ?? 0));
    const line = [name.padEnd(nameWidth), ...padded].join('  ').trimEnd();
    if (level > 0) {
      const end = nameWidth + 2 + (widths[0] ?? 0);
      heat.push({ line: lines.length, start: end - (cells[0]?.length ?? 0), end, level });
    }
    lines.push(line);
  }
  return { text: `${lines.join('\n')}\n`, heat };
}

/** Line of a module's path in a layers document; −1 where it has none. */
export function lineOfModule(text: string, path: string): number {
  return text.split('\n').findIndex((line) => line.trimStart().split(' ', 1)[0] === path);
}

/** First and last line of everything that folds: the head, and each block. */
export function foldsOf(text: string): { start: number; end: number }[] {
  const lines = text.split('\n');
  const folds: { start: number; end: number }[] = [];
  const head = lines.findIndex((line) => !line.startsWith('#'));
  if (head > 1) folds.push({ start: 0, end: head - 1 });
  for (let start = Math.max(0, head); start < lines.length; start++) {
    let end = start;
    while (lines[end + 1]?.startsWith('  ')) end += 1;
    if (end > start) folds.push({ start, end });
    start = end;
  }
  return folds;
}

/** What was measured; the column of the order first, so that it is in sight. It is coloured. */
function columnsOf(layers: MeasuredLayers, { by }: LayerOrder): LayerColumn[] {
  const columns = LAYER_COLUMNS.filter(({ key }) => layers.values[key]);
  return columns.sort((a, b) => Number(b.key === by) - Number(a.key === by));
}

function headOf(
  layers: MeasuredLayers,
  order: LayerOrder,
  columns: readonly LayerColumn[],
): string[] {
  const { title, status, modules, training } = layers;
  const steps = training ? `, step ${training.step} of ${training.totalSteps}` : '';
  const by = order.by === 'model' ? undefined : columns.find(({ key }) => key === order.by);
  const direction = order.descending ? 'largest first' : 'smallest first';
  return [
    `# ${title}: ${status}${steps}; ${modules.length} modules`,
    ...originText(layers),
    ...trainingText(layers),
    `# order: ${by ? `${by.head}, ${direction}` : 'as in the model'}${order.blocks ? ', by block' : ''}` +
      `; coloured: ${columns[0]?.head}`,
  ];
}

/** What a sharpness needs to be a number. */
function originText({ sharpness }: MeasuredLayers): string[] {
  if (!sharpness) return ['# sharpness: not measured per module'];
  const { from, step, time, space, rho, examples, source, seed, together } = sharpness;
  const where = [from, step === undefined ? '' : `of step ${step}`].filter(Boolean).join(' ');
  return [
    `# sharpness: ${where}, measured ${timeText(time)}`,
    `#   ${space}, rho ${rho}, batch of ${examples} (${source}), seed ${seed}`,
    ...(together === undefined
      ? []
      : [`#   all modules together: ${cellText('sharpness', together)}`]),
  ];
}

/** What the columns belong to that are not the sharpness, and the space of each. */
function trainingText({ training, manifest, values }: MeasuredLayers): string[] {
  if (!training) return [];
  const seed = manifest ? `, seed ${manifest.config.train.seed}` : '';
  const spaces = new Map<string, string[]>();
  for (const { key, head, space } of LAYER_COLUMNS) {
    if (space === undefined || !values[key]) continue;
    spaces.set(space, [...(spaces.get(space) ?? []), head]);
  }
  return [
    `# other columns: training step ${training.step}, rho_t ${shortNumber(training.rho)}${seed}`,
    ...[...spaces].map(([space, heads]) => `#   ${heads.join(', ')}: of ${space}`),
  ];
}

function tableOf(
  layers: MeasuredLayers,
  order: LayerOrder,
  columns: readonly LayerColumn[],
): Line[] {
  const heated = columns[0]?.key;
  const levels = heated ? heatLevels(heated, layers.values[heated] ?? []) : [];
  const lineOf = (index: number, indent: string): Line => ({
    name: indent + (layers.modules[index]?.path ?? ''),
    cells: columns.map(({ key }) => cellText(key, valueOf(layers, key, index))),
    level: levels[index] ?? 0,
  });
  if (!order.blocks) return ranked(layers, order).map((index) => lineOf(index, ''));
  return inBlocks(layers, order).flatMap(({ layer, modules }) => [
    {
      name: `${layer === null ? 'outside the blocks' : `block ${layer}`} (${modules.length})`,
      cells: columns.map(({ key }) => (key === 'share' ? shareOf(layers, modules) : '')),
    },
    ...modules.map((index) => lineOf(index, '  ')),
  ]);
}

function shareOf(layers: MeasuredLayers, modules: readonly number[]): string {
  const shares = modules.map((index) => valueOf(layers, 'share', index));
  const known = shares.filter((share) => !Number.isNaN(share));
  return cellText('share', known.length > 0 ? known.reduce((sum, share) => sum + share, 0) : NaN);
}

function valueOf(layers: MeasuredLayers, key: LayerKey, index: number): number {
  return layers.values[key]?.[index] ?? NaN;
}
