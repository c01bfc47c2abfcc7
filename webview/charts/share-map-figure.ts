import type { QuantityDescription } from '../../src/shared/quantities';
import { axis, baseLayout, type Figure } from './figure';
import { hoverDefinition, rowLabels } from './heat-map-figure';
import type { Theme } from './theme';

/** Rows up to which the numbers stand in the cells. */
const MOST_WRITTEN = 40;

interface ShareMapOptions {
  readonly theme: Theme;
  readonly quantities: readonly QuantityDescription[];
  /** Short names, one per row, top first. */
  readonly names: readonly string[];
  readonly revision: string;
}

/** Modules from top to bottom, one column per quantity. @param rows [modules][quantities] */
export function shareMapFigure(
  rows: readonly (readonly number[])[],
  { theme, quantities, names, revision }: ShareMapOptions,
): Figure {
  const written = rows.length <= MOST_WRITTEN;
  const largest = Math.max(0, ...rows.flat().filter(Number.isFinite));
  const hover = quantities.map((q) => `${q.label}: <b>%z</b>${hoverDefinition(q)}`);
  return {
    data: [
      {
        type: 'heatmap',
        // As wide as the number in the cell: a pane beside an editor is narrow.
        x: quantities.map(({ label }) => label.replace(' in top ', '<br>')),
        y: names.map((_, row) => row),
        z: rows.map((row) => row.map((value) => (Number.isFinite(value) ? value : null))),
        zmin: 0,
        zmax: largest || 1,
        // Faint where numbers stand in the cells, so that the text colour is readable on all of it.
        colorscale: written ? theme.faint : theme.sequential,
        ...(written && {
          texttemplate: '%{z:.2f}',
          textfont: { size: 11, color: theme.foreground },
        }),
        customdata: rows.map((row, i) =>
          row.map((value, j) => `${names[i]}<br>${hover[j]?.replace('%z', value.toPrecision(5))}`),
        ) as never,
        hovertemplate: '%{customdata}<extra></extra>',
        hoverongaps: false,
        xgap: 1,
        showscale: !written,
        colorbar: {
          thickness: 12,
          outlinewidth: 0,
          tickfont: { color: theme.foreground, size: 10 },
        },
      },
    ],
    layout: {
      ...baseLayout(theme, revision),
      hovermode: 'closest',
      // Room for the mode bar above the cells.
      margin: { l: 20, r: 10, t: 30, b: 40 },
      xaxis: {
        ...axis(theme, ''),
        type: 'category',
        showgrid: false,
        fixedrange: true,
        automargin: true,
      },
      yaxis: {
        ...axis(theme, ''),
        autorange: 'reversed',
        showgrid: false,
        automargin: true,
        ...rowLabels(names, new Map()),
      },
    },
  };
}
