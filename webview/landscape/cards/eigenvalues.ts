import { barFigure, type BarSeries } from '../../charts/bar-figure';
import type { Drawing } from '../../charts/figure';
import { formatCount, formatNumber } from '../../data/format';
import { resultsOf, type ResultOf, type TaskUnits } from '../../data/inspection-units';
import type { TableData } from '../../data/table-data';
import { unmeasured, type DrawContext } from '../state';
import { commonParts, notesOf, resultNotes } from './common';

type Unit = ResultOf<'eigenvalues'>;

/** Eigenvalues as bars, their residuals as whiskers: λ is within the residual of an eigenvalue. */
export function drawEigenvalues(context: DrawContext): Drawing {
  const { units, theme, card } = context;
  const results = ordered(resultsOf(units, 'eigenvalues'), card.sort);
  if (results.length === 0) return { kind: 'message', text: unmeasured(context) };
  const one = units.scopes.length === 1 ? results[0] : undefined;
  const most = Math.max(...results.map(({ result }) => result.values.length));
  const series: BarSeries[] = one
    ? [
        {
          name: units.names.get(one.scope) ?? one.scope,
          values: one.result.values,
          whiskers: one.result.residuals,
          color: theme.palette[0] ?? '',
        },
      ]
    : Array.from({ length: most }, (_, i) => ({
        name: rankName(i, most, units),
        values: results.map(({ result }) => result.values[i] ?? NaN),
        whiskers: results.map(({ result }) => result.residuals[i] ?? NaN),
        color: theme.palette[i % theme.palette.length] ?? '',
      }));
  const names = one
    ? one.result.values.map((_, i) => rankName(i, most, units))
    : results.map(({ scope }) => units.names.get(scope) ?? scope);
  const figure = barFigure(series, {
    ...{ theme, names, title: 'eigenvalue', whisker: 'residual' },
    revision: `eigenvalues-${units.index}-${card.sort ?? 'depth'}`,
  });
  return {
    ...commonParts(context),
    figure,
    label: `${units.measure.label} of ${formatCount(results.length)} scopes. ${largest(results, units)}`,
    notes: notesOf(context, [
      largest(results, units),
      'Whiskers are the residuals ‖Hv − λv‖.',
      unconverged(results),
      ...resultNotes(results),
    ]),
    table: () => tableOf(results),
  };
}

export function eigenvalueRows({ units }: DrawContext): { rows: number; series: number } {
  const results = resultsOf(units, 'eigenvalues');
  const most = Math.max(1, ...results.map(({ result }) => result.values.length));
  return units.scopes.length === 1
    ? { rows: most, series: 1 }
    : { rows: units.scopes.length, series: most };
}

/** `λ1` is the largest, `λ−1` the smallest where both ends were asked for. */
function rankName(i: number, count: number, { task }: TaskUnits): string {
  const fromTop = task.measure === 'power-iteration' || i < Math.ceil(count / 2);
  return fromTop ? `λ${i + 1}` : `λ−${count - i}`;
}

function ordered(results: readonly Unit[], sort = 'depth'): readonly Unit[] {
  if (sort === 'depth') return results;
  return [...results].sort((a, b) => top(b) - top(a));
}

function top({ result }: Unit): number {
  const value = result.values[0] ?? NaN;
  return Number.isNaN(value) ? -Infinity : value;
}

function largest(results: readonly Unit[], units: TaskUnits): string {
  const unit = results.reduce((a, b) => (top(b) > top(a) ? b : a));
  const name = units.names.get(unit.scope) ?? unit.scope;
  const residual = formatNumber(unit.result.residuals[0] ?? NaN);
  return `Largest: ${formatNumber(unit.result.values[0] ?? NaN)} in ${name}, residual ${residual}, after ${formatCount(unit.result.iterations)} iterations.`;
}

function unconverged(results: readonly Unit[]): string | undefined {
  const count = results.filter(({ result }) => !result.converged).length;
  return count === 0
    ? undefined
    : `${formatCount(count)} of ${formatCount(results.length)} did not converge within their steps: read the residuals.`;
}

function tableOf(results: readonly Unit[]): TableData {
  const rows = results.flatMap(({ scope, result }) =>
    result.values.map((value, i) => ({ scope, i, value, result })),
  );
  return {
    columns: [
      { name: 'scope', values: rows.map(({ scope }) => scope) },
      { name: 'rank', values: rows.map(({ i }) => i + 1) },
      { name: 'eigenvalue', values: rows.map(({ value }) => value) },
      { name: 'residual', values: rows.map(({ result, i }) => result.residuals[i] ?? NaN) },
      { name: 'iterations', values: rows.map(({ result }) => result.iterations) },
      { name: 'converged', values: rows.map(({ result }) => (result.converged ? 'yes' : 'no')) },
    ],
    rows: rows.length,
  };
}
