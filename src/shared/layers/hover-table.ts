import { cellText } from './format';
import { labelOf, type LayerKey } from './columns';
import { settingLines } from './hint-texts';
import type { HintKey } from './hint-places';
import type { MeasuredLayers } from './measured-layers';
import { ranked } from './order';

const ROWS = 5;

interface HoverTable {
  readonly columns: readonly [LayerKey, ...LayerKey[]];
  /** Whether the largest values of the first column, or the smallest, are shown. */
  readonly largest: boolean;
}

const TABLES: Readonly<Record<HintKey, HoverTable>> = {
  target_modules: { columns: ['sharpness', 'share', 'balancedness'], largest: true },
  r: { columns: ['kappaA', 'kappaB', 'normDeltaW'], largest: true },
  lora_alpha: { columns: ['normDeltaW', 'normA', 'normB'], largest: true },
  rho: { columns: ['rhoEffRatio', 'sharpness', 'share'], largest: false },
  beta: { columns: ['emaCosine', 'normEhat', 'normE'], largest: false },
};

/**
 * The five modules that stand out by what a key is about, as a Markdown table with what they were
 * measured on. Names are from files: everything is escaped.
 * @returns undefined where nothing of it was measured
 */
export function hoverTable(key: HintKey, layers: MeasuredLayers): string | undefined {
  const { largest, columns } = TABLES[key];
  const shown = columns.filter((column) => layers.values[column]);
  const [by] = shown;
  if (by === undefined || layers.modules.length === 0) return undefined;
  const order = { by, descending: by === columns[0] ? largest : true, blocks: false };
  const rows = ranked(layers, order).slice(0, ROWS);
  const table = [
    ['module', ...shown.map(labelOf)].map(escapeMarkdown),
    ['---', ...shown.map(() => '--:')],
    ...rows.map((index) => [
      escapeMarkdown(layers.modules[index]?.path ?? ''),
      ...shown.map((column) =>
        escapeMarkdown(cellText(column, layers.values[column]?.[index] ?? NaN)),
      ),
    ]),
  ].map((cells) => `| ${cells.join(' | ')} |`);
  const rest = layers.modules.length - rows.length;
  return [
    ...settingLines(layers).map((line) => `${escapeMarkdown(line)}  `),
    '',
    ...table,
    ...(rest > 0 ? ['', `and ${rest} more`] : []),
  ].join('\n');
}

/** A text that Markdown leaves as it is. */
export function escapeMarkdown(text: string): string {
  return text.replace(/[\\`*_{}[\]()#+!|<>~&$-]/g, '\\$&').replace(/\s+/g, ' ');
}
