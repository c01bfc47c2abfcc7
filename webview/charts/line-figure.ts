import { keepExtremes } from '../data/down-sample';
import { formatCount, hoverLine } from '../data/format';
import type { Series } from '../data/table-data';
import { axis, baseLayout, type Figure } from './figure';
import type { Data, Layout, LayoutAxis } from './plotly';
import type { Theme } from './theme';
import type { XAxis } from './x-axis';

export interface LineSeries extends Series {
  readonly color: string;
  readonly dash?: 'solid' | 'dot' | 'dash' | 'dashdot';
  readonly width?: number;
  readonly opacity?: number;
  /** Rarely measured: a mark at each point. */
  readonly markers?: boolean;
  /** Index into `panels`. */
  readonly panel?: number;
  /** Shown beside the value where the pointer is. */
  readonly formula?: string;
  /** Summary, formula and space, for the legend. */
  readonly hint?: string;
}

/** More probes than these are a line without marks. */
export const MOST_MARKED = 60;

export interface Panel {
  readonly title: string;
  readonly log?: boolean;
  readonly fromZero?: boolean;
  /** Height relative to the others. */
  readonly weight?: number;
}

interface LineOptions {
  readonly theme: Theme;
  readonly x: XAxis;
  /** Stacked from top to bottom over one horizontal axis. */
  readonly panels: readonly Panel[];
  readonly revision: string;
  readonly legend?: boolean;
  /** The space that the values live in, said where the pointer is. */
  readonly space?: string;
}

/** Lines over steps, thinned to what can be drawn, with notes on what the drawing leaves out. */
export function lineFigure(
  series: readonly LineSeries[],
  { theme, x, panels, revision, legend = true, space }: LineOptions,
): { figure: Figure; notes: string[] } {
  const kept = series.map(({ values }) => keepExtremes(values));
  const data = series.map((s, i) => trace(s, kept[i] ?? [], x));
  const layout: Partial<Layout> = {
    ...baseLayout(theme, `${revision}-${x.kind}`),
    // Probes are far apart: the nearest one answers wherever the pointer is.
    hoverdistance: -1,
    xaxis: {
      ...axis(theme, x.title),
      // Under the lowest panel, whatever the number of panels.
      anchor: (panels.length > 1 ? `y${panels.length}` : 'y') as 'y',
      ...(space && { unifiedhovertitle: { text: `${x.title} %{x:.6~g}<br>${hoverLine(space)}` } }),
    },
    ...verticalAxes(theme, panels),
  };
  const entries = series.map(({ name, color, dash = 'solid', opacity = 1, hint }) => ({
    name,
    color,
    dash,
    opacity,
    ...(hint && { hint }),
  }));
  return {
    figure: { data, layout, ...(legend && { legend: entries }) },
    notes: omissions(series, kept),
  };
}

function trace(series: LineSeries, kept: readonly number[], x: XAxis): Data {
  const { name, steps, values, color, panel = 0, formula } = series;
  return {
    type: 'scatter',
    mode: series.markers ? 'lines+markers' : 'lines',
    name,
    x: kept.map((i) => x.of(steps[i] ?? NaN)),
    y: kept.map((i) => finite(values[i])),
    yaxis: (panel > 0 ? `y${panel + 1}` : 'y') as 'y',
    line: { color, width: series.width ?? 1.5, dash: series.dash ?? 'solid' },
    marker: { color, size: 6 },
    opacity: series.opacity ?? 1,
    hovertemplate: formula ? `%{y:.5~g}<br>${hoverLine(formula)}` : '%{y:.5~g}',
    connectgaps: false,
  };
}

function verticalAxes(theme: Theme, panels: readonly Panel[]): Partial<Layout> {
  const gap = panels.length > 1 ? 0.07 : 0;
  const weights = panels.map(({ weight = 1 }) => weight);
  const unit = (1 - gap * (panels.length - 1)) / weights.reduce((sum, weight) => sum + weight, 0);
  let next = 1;
  const axes = panels.map(({ title, log, fromZero, weight = 1 }, i) => {
    const top = next;
    const height = unit * weight;
    next = top - height - gap;
    const settings: Partial<LayoutAxis> = {
      ...axis(theme, title),
      domain: [Math.max(0, top - height), top],
      automargin: true,
      nticks: panels.length > 1 ? 4 : 7,
      exponentformat: 'power',
      ...(log && { type: 'log', nticks: 5 }),
      ...(fromZero && { rangemode: 'tozero' }),
    };
    return [i === 0 ? 'yaxis' : `yaxis${i + 1}`, settings] as const;
  });
  return Object.fromEntries(axes) as Partial<Layout>;
}

function omissions(series: readonly LineSeries[], kept: readonly (readonly number[])[]): string[] {
  const thinned = series
    .map(({ values }, i) => ({ all: values.length, drawn: kept[i]?.length ?? 0 }))
    .filter(({ all, drawn }) => drawn < all);
  const notes: string[] = [];
  const most = thinned.reduce((a, b) => (b.all > a.all ? b : a), { all: 0, drawn: 0 });
  if (most.all > 0)
    notes.push(
      `Showing ${formatCount(most.drawn)} of ${formatCount(most.all)} points per line, extremes kept; tables and CSV have all.`,
    );
  const infinite = series.reduce(
    (sum, { values }) => sum + values.filter((v) => v === Infinity || v === -Infinity).length,
    0,
  );
  if (infinite > 0) notes.push(`${formatCount(infinite)} infinite values are drawn as gaps.`);
  return notes;
}

/** Plotly leaves a gap at `null`. */
function finite(value: number | undefined): number | null {
  return value !== undefined && Number.isFinite(value) ? value : null;
}
