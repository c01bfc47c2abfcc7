import type { Drawing } from '../../charts/figure';
import { densityFigure } from '../../charts/density-figure';
import { formatCount, formatNumber } from '../../data/format';
import { resultsOf, type ResultOf } from '../../data/inspection-units';
import type { TableData } from '../../data/table-data';
import { unmeasured, type DrawContext } from '../state';
import { commonParts, notesOf, resultNotes } from './common';
import { shownScope } from './shown-scope';

/** The density of the eigenvalues of one scope, and the Ritz values it is made of. */
export function drawDensity(context: DrawContext): Drawing {
  const { units, theme, card } = context;
  const scope = shownScope(context);
  const unit = resultsOf(units, 'density').find((u) => u.scope === scope);
  if (!unit) return { kind: 'message', text: unmeasured(context) };
  const { nodes, variance } = unit.result;
  const name = units.names.get(unit.scope) ?? unit.scope;
  const [low, high] = ends(nodes.flat());
  return {
    ...commonParts(context),
    figure: densityFigure(unit.result, {
      ...{ theme, log: card.log ?? true, revision: `density-${units.index}-${unit.scope}` },
    }),
    label: `Spectral density of the Hessian of ${name}: Ritz values from ${formatNumber(low)} to ${formatNumber(high)}.`,
    notes: notesOf(context, [
      `${name}: ${formatCount(nodes.length)} starts, Ritz values from ${formatNumber(low)} to ${formatNumber(high)}; Gaussian kernel of standard deviation ${formatNumber(Math.sqrt(variance))}.`,
      ...resultNotes([unit]),
    ]),
    table: () => tableOf(unit),
    subject: `${model(context)} · ${name}`,
    name: `${units.index + 1}-${units.task.measure}-${unit.scope}`,
  };
}

function model({ model: { manifest } }: DrawContext): string {
  return manifest.title;
}

function ends(values: readonly number[]): [number, number] {
  const finite = values.filter(Number.isFinite);
  return [Math.min(...finite), Math.max(...finite)];
}

function tableOf({ result }: ResultOf<'density'>): TableData {
  const ritz = result.nodes.flatMap((values, start) =>
    values.map((value, i) => ({ start: start + 1, value, weight: result.weights[start]?.[i] })),
  );
  const curve = result.grid;
  return {
    columns: [
      { name: 'what', values: [...ritz.map(() => 'Ritz weight'), ...curve.map(() => 'density')] },
      { name: 'start', values: [...ritz.map(({ start }) => start), ...curve.map(() => NaN)] },
      { name: 'λ', values: [...ritz.map(({ value }) => value), ...curve] },
      { name: 'value', values: [...ritz.map(({ weight }) => weight ?? NaN), ...result.density] },
    ],
    rows: ritz.length + curve.length,
  };
}
