import { parseColor } from './colors';
import { axis, baseLayout, type Figure } from './figure';
import type { Data } from './plotly';
import type { Theme } from './theme';

/** More points than these are a line without marks. */
const MOST_MARKED = 60;

export interface SliceLine {
  readonly name: string;
  readonly x: readonly number[];
  /** NaN is a hole: the line has a gap there. */
  readonly loss: readonly number[];
  /** Standard error of the loss over the examples. */
  readonly noise?: readonly number[] | undefined;
  readonly color: string;
}

interface SliceOptions {
  readonly theme: Theme;
  readonly title: string;
  readonly log: boolean;
  readonly revision: string;
}

/** The loss along one direction; the band of one standard error where a single scope is drawn. */
export function sliceFigure(
  lines: readonly SliceLine[],
  { theme, title, log, revision }: SliceOptions,
): Figure {
  const [only] = lines;
  const band = lines.length === 1 && only?.noise ? bandOf(only) : [];
  return {
    data: [...band, ...lines.map(trace)],
    layout: {
      ...baseLayout(theme, `${revision}-${log ? 'log' : 'linear'}`),
      hovermode: lines.length === 1 ? 'closest' : 'x unified',
      hoverdistance: -1,
      margin: { l: 58, r: 14, t: 26, b: 40 },
      xaxis: { ...axis(theme, title), zeroline: true, zerolinewidth: 1 },
      yaxis: {
        ...axis(theme, 'loss'),
        automargin: true,
        exponentformat: 'power',
        ...(log && { type: 'log' as const, nticks: 5 }),
      },
    },
    legend: lines.map(({ name, color }) => ({ name, color, dash: 'solid', opacity: 1 })),
  };
}

function trace({ name, x, loss, noise, color }: SliceLine): Data {
  return {
    type: 'scatter',
    mode: x.length <= MOST_MARKED ? 'lines+markers' : 'lines',
    name,
    x: [...x],
    y: loss.map(finite),
    line: { color, width: 1.8 },
    marker: { color, size: 4 },
    connectgaps: false,
    customdata: loss.map((_, i) => spread(noise?.[i])),
    hovertemplate: 'α %{x:.4~g}<br>loss <b>%{y:.5~g}</b>%{customdata}<extra></extra>',
  };
}

/** Lower edge, then the upper one filled down to it; plotly fills across gaps, so holes are cut out. */
function bandOf({ x, loss, noise = [], color }: SliceLine): Data[] {
  const [red = 0, green = 0, blue = 0] = parseColor(color) ?? [];
  const edge = { width: 0 };
  const common = { type: 'scatter', mode: 'lines', line: edge, hoverinfo: 'skip' } as const;
  const side = (sign: number) => loss.map((value, i) => finite(value + sign * (noise[i] ?? NaN)));
  return [
    { ...common, name: 'band', x: [...x], y: side(-1), showlegend: false },
    {
      ...common,
      ...{ name: 'band', x: [...x], y: side(1), showlegend: false, fill: 'tonexty' },
      fillcolor: `rgba(${Math.round(red)}, ${Math.round(green)}, ${Math.round(blue)}, 0.22)`,
    },
  ];
}

function spread(noise: number | undefined): string {
  return noise !== undefined && Number.isFinite(noise) ? ` ± ${noise.toPrecision(3)}` : '';
}

function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
