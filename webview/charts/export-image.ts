import { plotlyText } from '../data/format';
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
  const captions = options.notes.flatMap((note) => wrap(note, Math.floor(width / 6)));
  const below = 14 * captions.length + 12;
  const layout = exportLayout(figure, options, { captions, below });
  const url = await plotly.toImage(
    { data: figure.data, layout },
    {
      format,
      width,
      height: height + below + 36,
      scale: format === 'png' ? 2 : 1,
    },
  );
  const data = url.slice(url.indexOf(',') + 1);
  return format === 'png' ? data : decodeURIComponent(data);
}

function exportLayout(
  { layout, legend = [] }: Figure,
  { title }: ImageOptions,
  { captions, below }: { captions: readonly string[]; below: number },
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
      t: (margin?.t ?? 0) + (legend.length > 1 ? 66 : 36),
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

function wrap(text: string, columns: number): string[] {
  const lines = [''];
  for (const word of text.split(' ')) {
    const last = lines.at(-1) ?? '';
    if (last.length + word.length < columns)
      lines[lines.length - 1] = last ? `${last} ${word}` : word;
    else lines.push(word);
  }
  return lines;
}
