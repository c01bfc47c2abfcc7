import type { Drawing } from '../../charts/figure';
import { contourFigure, surfaceFigure } from '../../charts/surface-figure';
import { hasWebGl } from '../../charts/webgl';
import { formatCount, formatNumber } from '../../data/format';
import { pointsOf, resultsOf } from '../../data/inspection-units';
import { gridOfPoints, gridOfResult, type SliceGrid } from '../../data/slice-grid';
import type { TableData } from '../../data/table-data';
import { unmeasured, type DrawContext } from '../state';
import { commonParts, notesOf, resultNotes } from './common';
import { shownScope } from './shown-scope';
import { axisTitle } from './slice-line';

/** The loss over a plane, while it refines and when it is complete. */
export function drawSurface(context: DrawContext): Drawing {
  const { model, units, theme } = context;
  const scope = shownScope(context);
  const done = resultsOf(units, 'surface').find((unit) => unit.scope === scope);
  const points = scope === undefined ? [] : pointsOf(model, units, scope);
  if (scope === undefined || (!done && points.length === 0))
    return { kind: 'message', text: unmeasured(context) };
  const grid = done ? gridOfResult(done.result) : gridOfPoints(points);
  const [a, b] = done?.result.norms ?? [];
  const kind = plotKind(context);
  const draw = kind === 'surface' ? surfaceFigure : contourFigure;
  const name = units.names.get(scope) ?? scope;
  return {
    ...commonParts(context),
    figure: draw(grid, {
      theme,
      titles: [axisTitle('α', context, a), axisTitle('β', context, b)],
      revision: `plane-${units.index}-${scope}`,
    }),
    label: `Loss over a plane through the weights of ${name}, as ${kind === 'surface' ? 'a surface' : 'contours'}. ${range(grid)}`,
    notes: notesOf(context, [
      `${name}: ${progress(grid, context)}. ${range(grid)}`,
      hasWebGl() ? undefined : 'There is no WebGL here, so the surface is drawn as contours.',
      ...resultNotes(done ? [done] : []),
    ]),
    table: () => tableOf(grid),
    subject: `${model.manifest.title} · ${name}`,
    name: `${units.index + 1}-${units.task.measure}-${scope}`,
  };
}

/** What is drawn: contours where they are wished for, or where there is no WebGL. */
export function plotKind({ card }: Pick<DrawContext, 'card'>): 'surface' | 'contour' {
  return hasWebGl() ? (card.plot ?? 'surface') : 'contour';
}

function progress({ points, holes, measured, loss }: SliceGrid, { units }: DrawContext): string {
  const side = units.task.points;
  const all = side * side;
  const grid = `${formatCount(side)} × ${formatCount(side)} grid`;
  const known = measured.flat();
  const bridged = loss.flat().some((value, i) => !known[i] && Number.isFinite(value));
  const between = bridged ? '; between them the coarser picture' : '';
  const count =
    points < all
      ? `${formatCount(points)} of ${formatCount(all)} points of a ${grid}${between}`
      : `${formatCount(all)} points, a ${grid}`;
  return holes > 0
    ? `${count}; ${formatCount(holes)} not finite, drawn as holes`
    : `${count}; no holes`;
}

function range({ loss, noise }: SliceGrid): string {
  const finite = loss.flat().filter(Number.isFinite);
  if (finite.length === 0) return 'No loss is finite.';
  const [low, high] = [Math.min(...finite), Math.max(...finite)];
  const errors = noise.flat().filter(Number.isFinite);
  const typical = errors.sort((p, q) => p - q)[Math.floor(errors.length / 2)];
  const spread = typical === undefined ? '' : `, standard error ${formatNumber(typical)} (median)`;
  return `Loss from ${formatNumber(low)} to ${formatNumber(high)}${spread}.`;
}

/** Measured points alone: what stands between them is in no table. */
function tableOf({ x, y, loss, noise, measured }: SliceGrid): TableData {
  const places = y.flatMap((_, row) =>
    x.flatMap((_x, column) => (measured[row]?.[column] ? [[row, column] as const] : [])),
  );
  const column = (name: string, of: (row: number, column: number) => number | undefined) => ({
    name,
    values: places.map(([row, col]) => of(row, col) ?? NaN),
  });
  return {
    columns: [
      column('α', (_, col) => x[col]),
      column('β', (row) => y[row]),
      column('loss', (row, col) => loss[row]?.[col]),
      column('standard error', (row, col) => noise[row]?.[col]),
    ],
    rows: places.length,
  };
}
