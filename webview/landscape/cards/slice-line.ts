import type { Drawing } from '../../charts/figure';
import { sliceFigure, type SliceLine } from '../../charts/slice-figure';
import { formatCount, formatNumber, formatSetting } from '../../data/format';
import { pointsOf, resultsOf } from '../../data/inspection-units';
import type { TableData } from '../../data/table-data';
import { unmeasured, type DrawContext } from '../state';
import { commonParts, notesOf, resultNotes } from './common';
import { EVERY_SCOPE, shownScope } from './shown-scope';

interface Line extends Omit<SliceLine, 'color' | 'name'> {
  readonly scope: string;
  readonly points: number;
  readonly holes: number;
  /** Norm of the direction in its space; of a finished line. */
  readonly norm?: number | undefined;
}

/** The loss along one direction: of one scope with its noise, or of all scopes side by side. */
export function drawSliceLine(context: DrawContext): Drawing {
  const { units, theme, card } = context;
  const lines = linesOf(context);
  if (lines.length === 0) return { kind: 'message', text: unmeasured(context) };
  const every = card.scope === EVERY_SCOPE && lines.length > 1;
  const shown = every ? lines : lines.filter(({ scope }) => scope === shownScope(context));
  const [first] = shown;
  if (!first) return { kind: 'message', text: unmeasured(context) };
  const name = every ? 'all scopes' : (units.names.get(first.scope) ?? first.scope);
  const figure = sliceFigure(
    shown.map((line, i) => ({
      ...line,
      name: units.names.get(line.scope) ?? line.scope,
      color: theme.palette[i % theme.palette.length] ?? '',
    })),
    {
      theme,
      title: axisTitle('α', context, first.norm),
      log: card.log ?? false,
      revision: `line-${units.index}-${every ? EVERY_SCOPE : first.scope}`,
    },
  );
  return {
    ...commonParts(context),
    figure,
    label: `Loss along one direction, ${name}. ${range(shown)}`,
    notes: notesOf(context, [
      `${name}: ${progress(shown, context)}. ${range(shown)}${every ? '' : ' The band is one standard error over the examples.'}`,
      ...resultNotes(units.results.filter(({ scope }) => shown.some((l) => l.scope === scope))),
    ]),
    table: () => tableOf(shown),
    subject: `${context.model.manifest.title} · ${name}`,
    name: `${units.index + 1}-${units.task.measure}-${every ? 'scopes' : first.scope}`,
  };
}

/** `α · random`, with the direction's norm once it is known. */
export function axisTitle(
  letter: 'α' | 'β',
  { units: { task } }: DrawContext,
  norm: number | undefined,
): string {
  const kind = letter === 'β' && task.directions === 'gradient' ? 'random' : task.directions;
  const length = norm === undefined ? '' : `, norm ${formatSetting(Number(norm.toPrecision(4)))}`;
  return `${letter} · ${kind} direction${length}`;
}

function linesOf(context: DrawContext): Line[] {
  const { model, units } = context;
  const results = new Map(resultsOf(units, 'line').map((unit) => [unit.scope, unit.result]));
  return units.scopes.flatMap((scope): Line[] => {
    const done = results.get(scope);
    if (done) {
      const { x, loss, noise, holes, norms } = done;
      return [{ scope, x, loss, noise, holes, points: x.length, norm: norms[0] }];
    }
    const points = [...pointsOf(model, units, scope)].sort((a, b) => a.x - b.x);
    if (points.length === 0) return [];
    const loss = points.map((p) => p.loss);
    return [
      {
        ...{ scope, loss, x: points.map((p) => p.x), points: points.length },
        noise: points.map((p) => p.noise ?? NaN),
        holes: loss.filter((value) => !Number.isFinite(value)).length,
      },
    ];
  });
}

function progress(lines: readonly Line[], { units }: DrawContext): string {
  const points = lines.reduce((sum, line) => sum + line.points, 0);
  const all = lines.length * units.task.points;
  const holes = lines.reduce((sum, line) => sum + line.holes, 0);
  const count =
    points < all
      ? `${formatCount(points)} of ${formatCount(all)} points`
      : `${formatCount(points)} points`;
  return holes > 0 ? `${count}, ${formatCount(holes)} not finite (gaps)` : count;
}

function range(lines: readonly Line[]): string {
  const finite = lines.flatMap(({ loss }) => loss.filter(Number.isFinite));
  if (finite.length === 0) return 'No loss is finite.';
  return `Loss from ${formatNumber(Math.min(...finite))} to ${formatNumber(Math.max(...finite))}.`;
}

function tableOf(lines: readonly Line[]): TableData {
  const rows = lines.flatMap((line) =>
    line.x.map((x, i) => [line.scope, x, line.loss[i] ?? NaN, line.noise?.[i] ?? NaN] as const),
  );
  return {
    columns: [
      { name: 'scope', values: rows.map(([scope]) => scope) },
      { name: 'α', values: rows.map(([, x]) => x) },
      { name: 'loss', values: rows.map(([, , loss]) => loss) },
      { name: 'standard error', values: rows.map(([, , , noise]) => noise) },
    ],
    rows: rows.length,
  };
}
