import { PAIR_MEASURES } from '../../src/shared/checkpoint/measures';
import { axis, baseLayout, type Drawing, type Figure } from '../charts/figure';
import type { Theme } from '../charts/theme';
import { formatCount, formatNumber, formatSetting } from '../data/format';
import { emptyReason, type CheckpointState } from './state';
import { pairName, problemText, shapeText } from './texts';

const DOCS = 'checkpoint-editor.md';

interface FigureContext {
  readonly state: CheckpointState;
  readonly theme: Theme;
}

/** The histogram that was counted last. */
export function histogramDrawing({ state, theme }: FigureContext): Drawing {
  const { contents, counted, work, view } = state;
  const tensor = counted && contents?.tensors[counted.tensor];
  const reason = emptyReason(state);
  if (reason !== undefined) return { kind: 'message', text: reason, final: true };
  if (work.histogram) return { kind: 'message', text: 'Counting every value…', final: true };
  if (!counted || !tensor)
    return {
      kind: 'message',
      text: 'Select a tensor and press Histogram, or Enter on its line. Its values are read then, and not before.',
      final: true,
    };
  if (!counted.histogram) {
    const text = counted.problem ? problemText(counted.problem) : 'Nothing was counted.';
    const cancelled = counted.problem?.code === 'cancelled';
    return {
      kind: 'message',
      text: cancelled ? 'Cancelled: nothing was counted.' : text,
      final: true,
    };
  }
  const { edges, counts, min, max, mean, std, ...rest } = counted.histogram;
  const { values, nan, infinite, negativeInfinite, zeros, rounded } = rest;
  const facts = [
    `${tensor.name}: ${tensor.dtype} ${shapeText(tensor)}, ${formatCount(values)} values, all of them counted.`,
    `min ${formatNumber(min)}, max ${formatNumber(max)}, mean ${formatNumber(mean)}, standard deviation ${formatNumber(std)}, ${formatCount(zeros)} zeros.`,
    `${formatCount(nan)} NaN, ${formatCount(infinite)} ∞, ${formatCount(negativeInfinite)} −∞${nan + infinite + negativeInfinite > 0 ? ': in no bar, and in no statistic' : ''}.`,
    ...(rounded > 0 ? [`${formatCount(rounded)} integers beyond 2^53 were rounded.`] : []),
  ];
  if (counts.length === 0)
    return { kind: 'message', text: `No value to draw. ${facts.join(' ')}`, final: true };
  const settings = `${counts.length} bars of equal width over [min, max], each closed on its left, the last on both sides; counts ${view.logCounts ? 'on a logarithmic axis' : 'on a linear axis'}.`;
  return {
    kind: 'chart',
    figure: bars(theme, {
      x: counts.map((_, i) => ((edges[i] ?? 0) + (edges[i + 1] ?? 0)) / 2),
      y: counts,
      widths: counts.map((_, i) => (edges[i + 1] ?? 0) - (edges[i] ?? 0)),
      xTitle: 'value',
      yTitle: 'values per bar',
      log: view.logCounts,
      hover: edges
        .slice(0, -1)
        .map((edge, i) => `${formatNumber(edge)} … ${formatNumber(edges[i + 1] ?? NaN)}`),
      revision: `${contents?.version}-${counted.tensor}-${counts.length}`,
    }),
    label: `Histogram of ${tensor.name}: ${formatCount(values)} values from ${formatNumber(min)} to ${formatNumber(max)}.`,
    notes: [...facts, settings],
    docs: DOCS,
    name: `histogram-${tensor.name}`,
    subject: tensor.name,
    table: () => ({
      columns: [
        { name: 'from', values: edges.slice(0, -1) },
        { name: 'to', values: edges.slice(1) },
        { name: 'values', values: counts },
      ],
      rows: counts.length,
    }),
    json: () => ({ tensor, ...counted.histogram, bins: counts.length }),
  };
}

/**
 * The spectrum of the pair that is selected.
 * @param index into `pairs`; undefined when no single pair is selected
 */
export function spectrumDrawing(
  { state, theme }: FigureContext,
  index: number | undefined,
): Drawing {
  const pair = index === undefined ? undefined : state.contents?.pairs[index];
  const result = index === undefined ? undefined : state.results.get(index);
  const message = (text: string): Drawing => ({ kind: 'message', text, final: true });
  const reason = emptyReason(state);
  if (reason !== undefined) return message(reason);
  if (!pair)
    return message(
      'Select a LoRA pair: a row of the table below, its module, or one of its factors.',
    );
  if (result?.problem) return message(problemText(result.problem));
  const { measures } = result ?? {};
  if (!measures) return message('Not measured yet. Press Measure.');
  if (measures.notFinite > 0)
    return message(
      `${formatCount(measures.notFinite)} values of A and B are NaN or infinite: ΔW has no singular values.`,
    );
  const sigma = measures.singularValues;
  return {
    kind: 'chart',
    figure: bars(theme, {
      x: sigma.map((_, i) => i + 1),
      y: sigma,
      xTitle: 'index',
      yTitle: 'σ of s B A',
      log: false,
      hover: sigma.map((_, i) => `σ${i + 1}`),
      revision: `${state.contents?.version}-${index}`,
    }),
    label: `${sigma.length} singular values of ΔW of ${pairName(pair)}.`,
    notes: [
      `${pairName(pair)}: ΔW = s B A, r ${pair.rank}, s ${formatSetting(pair.scale)}; space W, gauge-invariant.`,
      `${pair.scaleNote}.`,
    ],
    docs: DOCS,
    name: `singular-values-${pairName(pair)}`,
    subject: pairName(pair),
    definitions: Object.values(PAIR_MEASURES).map(({ label, summary, space }) => ({
      name: label,
      text: `${summary} Space: ${space}.`,
    })),
    table: () => ({
      columns: [
        { name: 'index', values: sigma.map((_, i) => i + 1) },
        { name: 'sigma', values: sigma },
      ],
      rows: sigma.length,
    }),
    json: () => ({ pair, ...measures }),
  };
}

interface Bars {
  readonly x: readonly number[];
  readonly y: readonly number[];
  readonly widths?: readonly number[];
  readonly xTitle: string;
  readonly yTitle: string;
  readonly log: boolean;
  /** What the pointer reads above the value. */
  readonly hover: readonly string[];
  readonly revision: string;
}

function bars(theme: Theme, options: Bars): Figure {
  const { x, y, widths, xTitle, yTitle, log, hover, revision } = options;
  return {
    data: [
      {
        type: 'bar',
        x: [...x],
        y: [...y],
        ...(widths && { width: [...widths] }),
        marker: { color: theme.palette[0] ?? theme.foreground, line: { width: 0 } },
        text: [...hover],
        textposition: 'none',
        hovertemplate: '%{text}<br><b>%{y:.6~g}</b><extra></extra>',
      },
    ],
    layout: {
      ...baseLayout(theme, `${revision}-${log}`),
      bargap: widths ? 0.02 : 0.3,
      hovermode: 'closest',
      xaxis: { ...axis(theme, xTitle), ...(widths ? {} : { tickformat: 'd' }) },
      yaxis: {
        ...axis(theme, yTitle),
        automargin: true,
        ...(log ? { type: 'log', nticks: 5 } : { rangemode: 'tozero' }),
      },
    },
  };
}
