import { barFigure, type BarSeries } from '../../charts/bar-figure';
import type { Drawing } from '../../charts/figure';
import { formatCount, formatNumber, formatSetting } from '../../data/format';
import { provisional, resultsOf, type TaskUnits } from '../../data/inspection-units';
import type { TableData } from '../../data/table-data';
import { unmeasured, type DrawContext } from '../state';
import { commonParts, notesOf, resultNotes } from './common';

interface Value {
  readonly scope: string;
  readonly rho: number | undefined;
  readonly value: number;
  readonly standardError: number;
  readonly details: Readonly<Record<string, number>>;
  /** Draws behind a value that is not final. */
  readonly draws?: number;
}

/** One number per scope and radius: bars with whiskers of one standard error. */
export function drawScalars(context: DrawContext): Drawing {
  const { units, theme, card } = context;
  const values = valuesOf(context);
  if (values.length === 0) return { kind: 'message', text: unmeasured(context) };
  const radii = [...new Set(values.map(({ rho }) => rho))].sort((a, b) => (a ?? 0) - (b ?? 0));
  // Of one scope at several radii, the radii are what is compared.
  const overRadii = units.scopes.length === 1 && radii.length > 1;
  const rows = overRadii ? radiusRows(values) : scopeRows(values, units, card.sort);
  const series: BarSeries[] = (overRadii ? [undefined] : radii).map((rho, i) => {
    const own = rows.map(({ values: inRow }) =>
      overRadii ? inRow[0] : inRow.find((v) => v.rho === rho),
    );
    return {
      name: rho === undefined ? units.measure.label : `ρ ${formatSetting(rho)}`,
      values: own.map((v) => v?.value ?? NaN),
      ...(own.some((v) => Number.isFinite(v?.standardError)) && {
        whiskers: own.map((v) => v?.standardError ?? NaN),
      }),
      color: theme.palette[i % theme.palette.length] ?? '',
      faint: own.map((v) => v?.draws !== undefined),
    };
  });
  const figure = barFigure(series, {
    theme,
    names: rows.map(({ name }) => name),
    title: units.measure.label,
    whisker: 'standard error',
    revision: `scalars-${units.index}-${card.sort ?? 'depth'}`,
  });
  return {
    ...commonParts(context),
    figure,
    label: `${units.measure.label} of ${formatCount(units.scopes.length)} scopes. ${largestOf(values, units)}`,
    notes: notesOf(context, [
      largestOf(values, units),
      soFar(values),
      notFinite(values),
      ...resultNotes(units.results),
    ]),
    table: () => tableOf(values),
  };
}

/** Rows and series, for the height of the chart. */
export function scalarRows(context: DrawContext): { rows: number; series: number } {
  const { scopes, task, measure } = context.units;
  const radii = measure.atRho ? task.rho.length : 1;
  return scopes.length === 1 ? { rows: radii, series: 1 } : { rows: scopes.length, series: radii };
}

function valuesOf({ model, units }: DrawContext): Value[] {
  const final = resultsOf(units, 'scalar').map(({ scope, rho, result }) => ({
    ...{ scope, rho, value: result.value, standardError: result.standardError ?? NaN },
    details: result.details ?? {},
  }));
  const rest = provisional(model, units).map((p) => ({ ...p, rho: p.rho, details: {} }));
  return [...final, ...rest];
}

interface Row {
  readonly name: string;
  readonly values: readonly Value[];
}

function scopeRows(values: readonly Value[], units: TaskUnits, sort = 'depth'): Row[] {
  const rows = units.scopes
    .map((scope) => ({
      name: units.names.get(scope) ?? scope,
      values: values.filter((v) => v.scope === scope),
    }))
    .filter((row) => row.values.length > 0);
  if (sort === 'depth') return rows;
  return rows.sort((a, b) => sortKey(b) - sortKey(a));
}

/** By the largest radius; what is not a number comes last. */
function sortKey({ values }: Row): number {
  const value = values.at(-1)?.value ?? NaN;
  return Number.isNaN(value) ? -Infinity : value;
}

function radiusRows(values: readonly Value[]): Row[] {
  return [...values]
    .sort((a, b) => (a.rho ?? 0) - (b.rho ?? 0))
    .map((v) => ({ name: `ρ ${formatSetting(v.rho ?? 0)}`, values: [v] }));
}

function largestOf(values: readonly Value[], units: TaskUnits): string {
  const finite = values.filter(({ value }) => Number.isFinite(value));
  if (finite.length === 0) return 'No value is finite.';
  const largest = finite.reduce((a, b) => (b.value > a.value ? b : a));
  const name = units.names.get(largest.scope) ?? largest.scope;
  const error = Number.isFinite(largest.standardError)
    ? ` ± ${formatNumber(largest.standardError)} (standard error)`
    : '';
  const at = largest.rho === undefined ? '' : ` at ρ ${formatSetting(largest.rho)}`;
  const head = finite.length > 1 ? 'Largest: ' : '';
  return `${head}${formatNumber(largest.value)}${error} in ${name}${at}.`;
}

function soFar(values: readonly Value[]): string | undefined {
  const open = values.filter(({ draws }) => draws !== undefined);
  const least = Math.min(...open.map(({ draws = 0 }) => draws));
  return open.length === 0
    ? undefined
    : `Faint bars are the mean of the ${formatCount(least)} draws so far.`;
}

function notFinite(values: readonly Value[]): string | undefined {
  const count = values.filter(({ value }) => !Number.isFinite(value)).length;
  return count === 0 ? undefined : `${formatCount(count)} values are not finite: no bar.`;
}

function tableOf(values: readonly Value[]): TableData {
  const details = [...new Set(values.flatMap((v) => Object.keys(v.details)))];
  const column = (name: string, of: (v: Value) => number | string) => ({
    name,
    values: values.map(of),
  });
  return {
    columns: [
      column('scope', (v) => v.scope),
      ...(values.some((v) => v.rho !== undefined) ? [column('rho', (v) => v.rho ?? NaN)] : []),
      column('value', (v) => v.value),
      column('standard error', (v) => v.standardError),
      ...details.map((name) => column(name, (v) => v.details[name] ?? NaN)),
      ...(values.some((v) => v.draws !== undefined)
        ? [column('draws so far', (v) => v.draws ?? NaN)]
        : []),
    ],
    rows: values.length,
  };
}
