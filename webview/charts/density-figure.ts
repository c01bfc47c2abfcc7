import { axis, baseLayout, type Figure } from './figure';
import type { Theme } from './theme';

/** Decades below the peak that a logarithmic axis shows: a Gaussian falls without an end. */
const DECADES = 8;

export interface DensityCurve {
  readonly grid: readonly number[];
  readonly density: readonly number[];
  /** Ritz values and weights of each start. */
  readonly nodes: readonly (readonly number[])[];
  readonly weights: readonly (readonly number[])[];
}

interface DensityOptions {
  readonly theme: Theme;
  readonly log: boolean;
  readonly revision: string;
}

/** The curve, and below it the Ritz values that it is made of, a stem for each weight. */
export function densityFigure(
  { grid, density, nodes, weights }: DensityCurve,
  { theme, log, revision }: DensityOptions,
): Figure {
  const [blue = '', orange = ''] = theme.palette;
  const peak = Math.max(...density.filter(Number.isFinite));
  const heaviest = Math.max(...weights.flat().filter(Number.isFinite));
  return {
    data: [
      {
        type: 'scatter',
        mode: 'lines',
        name: 'density',
        x: [...grid],
        y: density.map((value) => (log && value <= 0 ? null : value)),
        line: { color: blue, width: 1.8 },
        hovertemplate: 'λ %{x:.5~g}<br>density <b>%{y:.4~g}</b><extra></extra>',
      },
      {
        type: 'scatter',
        mode: 'markers',
        name: 'Ritz values',
        x: nodes.flat(),
        y: weights.flat(),
        yaxis: 'y2',
        marker: { color: orange, size: 6, symbol: 'circle' },
        customdata: nodes.flatMap((values, start) => values.map(() => start + 1)),
        hovertemplate:
          'Ritz value %{x:.5~g}<br>weight <b>%{y:.4~g}</b>, start %{customdata}<extra></extra>',
        error_y: {
          type: 'percent',
          symmetric: false,
          value: 0,
          valueminus: 100,
          color: orange,
          thickness: 1.2,
          width: 0,
        },
      },
    ],
    layout: {
      ...baseLayout(theme, `${revision}-${log ? 'log' : 'linear'}`),
      hovermode: 'closest',
      margin: { l: 58, r: 14, t: 26, b: 40 },
      xaxis: { ...axis(theme, 'eigenvalue λ'), anchor: 'y2', zeroline: true },
      yaxis: {
        ...axis(theme, 'density'),
        domain: [0.36, 1],
        automargin: true,
        exponentformat: 'power',
        ...(log && logRange(peak)),
      },
      yaxis2: {
        ...axis(theme, 'Ritz weight'),
        domain: [0, 0.28],
        automargin: true,
        exponentformat: 'power',
        nticks: 3,
        ...(log ? logRange(heaviest) : { rangemode: 'tozero' as const }),
      },
    },
    legend: [
      { name: 'density', color: blue, dash: 'solid', opacity: 1 },
      { name: 'Ritz values', color: orange, dash: 'dot', opacity: 1 },
    ],
  };
}

function logRange(largest: number) {
  if (!(largest > 0)) return { type: 'log' as const };
  const top = Math.log10(largest);
  return { type: 'log' as const, range: [top - DECADES, top + 0.4] as [number, number], nticks: 5 };
}
