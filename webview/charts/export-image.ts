import { plotlyText, wrapLines } from '../data/format';
import type { Figure } from './figure';
import { loadPlotly } from './load-plotly';
import type { Layout } from './plotly';

interface ImageOptions {
  readonly format: 'png' | 'svg';
  readonly title: string;
  /** Printed below the figure, so that it can be understood away from the page. */
  readonly notes: readonly string[];
  readonly width: number;
  readonly height: number;
}

/** The figure as it is zoomed now. PNG as base64 at twice the size, SVG as text. */
export async function exportImage(figure: Figure, options: ImageOptions): Promise<string> {
  const plotly = await loadPlotly();
  const { format, width, height } = options;
  const captions = options.notes.flatMap((note) => wrapLines(note, Math.floor(width / 6)));
  const below = 14 * captions.length + 12;
  const above = legendHeight(figure, width);
  const layout = exportLayout(figure, options, { captions, below, above });
  const url = await plotly.toImage(
    { data: figure.data, layout },
    {
      format,
      width,
      height: height + below + above + 36,
      scale: format === 'png' ? 2 : 1,
    },
  );
  const data = url.slice(url.indexOf(',') + 1);
  return format === 'png' ? data : decodeURIComponent(data);
}

function exportLayout(
  { layout, legend = [] }: Figure,
  { title }: ImageOptions,
  { captions, below, above }: { captions: readonly string[]; below: number; above: number },
): Partial<Layout> {
  const { margin } = layout;
  return {
    ...layout,
    showlegend: legend.length > 1,
    title: {
      text: plotlyText(title),
      x: 0.01,
      xanchor: 'left',
      y: 1,
      yanchor: 'top',
      pad: { t: 12 },
      font: { size: 14 },
    },
    margin: {
      ...margin,
      t: (margin?.t ?? 0) + 36 + above,
      b: (margin?.b ?? 0) + below,
    },
    annotations: [
      {
        text: captions.map(plotlyText).join('<br>'),
        showarrow: false,
        align: 'left',
        font: { size: 10 },
        xref: 'paper',
        yref: 'paper',
        x: 0,
        y: 0,
        xanchor: 'left',
        yanchor: 'top',
        yshift: -40,
      },
    ],
  };
}

/** Pixels for plotly's legend: columns as wide as its longest name and a swatch. */
function legendHeight({ legend = [] }: Figure, width: number): number {
  if (legend.length < 2) return 0;
  const longest = Math.max(...legend.map(({ name }) => name.length));
  const columns = Math.max(1, Math.floor((width - 90) / (6.5 * longest + 50)));
  return 12 + 20 * Math.ceil(legend.length / columns);
}
