import type { QuantityDescription } from '../../src/shared/quantities';
import { heatMap } from '../data/heat-map';
import { formatCount, hoverLine, plotlyText } from '../data/format';
import type { LayerMatrix } from '../data/layer-series';
import { axis, baseLayout, type Figure } from './figure';
import type { Theme } from './theme';
import type { XAxis } from './x-axis';

interface HeatMapOptions {
  readonly theme: Theme;
  readonly x: XAxis;
  readonly quantity: QuantityDescription;
  /** Short names, one per row, top first. */
  readonly names: readonly string[];
  /** Line colour of the rows that are drawn as lines, by row. */
  readonly marked: ReadonlyMap<number, string>;
  readonly revision: string;
}

/** Layers from top to bottom, steps from left to right. */
export function heatMapFigure(
  matrix: LayerMatrix,
  { theme, x, quantity, names, marked, revision }: HeatMapOptions,
): { figure: Figure; notes: string[] } {
  const map = heatMap(matrix, names.length);
  const largest = Math.max(Math.abs(map.min), Math.abs(map.max));
  const diverging = quantity.scale === 'diverging';
  // All values equal, or none: plotly would invent a range.
  const flat = !(map.max > map.min);
  const range = diverging
    ? { zmin: -largest || -1, zmax: largest || 1 }
    : flat
      ? { zmin: map.min - 0.5, zmax: map.max + 0.5 }
      : { zmin: map.min, zmax: map.max };
  const step = map.rowsPerColumn > 1 ? `around ${x.title} %{x:.6~g}` : `${x.title} %{x:.6~g}`;
  const figure: Figure = {
    data: [
      {
        type: 'heatmap',
        x: map.steps.map((s) => x.of(s)),
        y: names.map((_, row) => row),
        z: map.z,
        ...(Number.isFinite(largest) && range),
        colorscale: diverging ? theme.diverging : theme.sequential,
        customdata: map.z.map((line, row) => line.map(() => names[row] ?? '')) as never,
        hovertemplate: `%{customdata}<br>${step}<br>${quantity.label}: <b>%{z:.5~g}</b>${hoverDefinition(quantity)}<extra></extra>`,
        hoverongaps: false,
        showscale: true,
        colorbar: {
          thickness: 12,
          outlinewidth: 0,
          tickfont: { color: theme.foreground, size: 10 },
          tickformat: '.3~g',
          len: 1,
          lenmode: 'fraction',
          xpad: 6,
          ypad: 0,
        },
      },
    ],
    layout: {
      ...baseLayout(theme, `${revision}-${x.kind}`),
      hovermode: 'closest',
      margin: { l: 20, r: 10, t: 6, b: 38 },
      xaxis: { ...axis(theme, x.title), showgrid: false },
      yaxis: {
        ...axis(theme, ''),
        autorange: 'reversed',
        showgrid: false,
        automargin: true,
        ...rowLabels(names, marked),
      },
    },
  };
  return { figure, notes: omissions(map, matrix) };
}

/** Formula and space as the last lines of a hover text. */
export function hoverDefinition({
  formula,
  space,
}: Pick<QuantityDescription, 'formula' | 'space'>): string {
  return [...(formula ? [formula] : []), space].map((line) => `<br>${hoverLine(line)}`).join('');
}

/** Every row if they fit, else evenly spaced ones and always the marked ones. */
export function rowLabels(names: readonly string[], marked: ReadonlyMap<number, string>) {
  const every = Math.max(1, Math.ceil(names.length / 40));
  const shown = names
    .map((_, row) => row)
    .filter((row) => marked.has(row) || (row % every === 0 && !isNear(row, marked, every)));
  return {
    tickmode: 'array' as const,
    tickvals: shown,
    ticktext: shown.map((row) => {
      const color = marked.get(row);
      const name = plotlyText(names[row] ?? '');
      return color ? `<span style="color:${color}">■</span> <b>${name}</b>` : name;
    }),
  };
}

function isNear(row: number, marked: ReadonlyMap<number, string>, every: number): boolean {
  return every > 1 && [...marked.keys()].some((other) => Math.abs(other - row) < every);
}

function omissions(
  { rowsPerColumn, gaps, steps }: ReturnType<typeof heatMap>,
  matrix: LayerMatrix,
): string[] {
  const notes: string[] = [];
  const rows = matrix.source === 'probe' ? 'probes' : 'steps';
  if (rowsPerColumn > 1)
    notes.push(
      `Showing ${formatCount(steps.length)} columns for ${formatCount(matrix.steps.length)} ${rows}: the value of largest magnitude per ${rowsPerColumn} ${rows}, with its sign.`,
    );
  if (gaps > 0) notes.push(`${formatCount(gaps)} values are not applicable or not finite.`);
  return notes;
}
