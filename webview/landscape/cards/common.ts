import { LANDSCAPE_MEASURES } from '../../../src/shared/inspection/measures';
import type { InspectionModel, UnitResult } from '../../../src/shared/inspection/model';
import type { ChartDrawing } from '../../charts/figure';
import { formatCount } from '../../data/format';
import type { TaskUnits } from '../../data/inspection-units';
import type { DrawContext } from '../state';
import { formulaCaption, settingsNotes } from '../settings-notes';

type Common = Pick<
  ChartDrawing,
  'kind' | 'captions' | 'definitions' | 'docs' | 'json' | 'name' | 'subject'
>;

/** What the drawings of all measures have alike. */
export function commonParts({ model, units }: DrawContext): Common {
  const { task, index, measure } = units;
  return {
    kind: 'chart',
    captions: [formulaCaption(units)],
    definitions: [
      { name: measure.label, text: measure.summary },
      { name: 'Formula', text: measure.formula },
      { name: 'Source', text: measure.source },
    ],
    docs: LANDSCAPE_MEASURES[task.measure].docs,
    json: () => exportOf(model, units),
    name: `${index + 1}-${task.measure}`,
    subject: model.manifest.title,
  };
}

/** Settings, what was measured on what, and how far the task is. @param extra of this measure */
export function notesOf(
  { model, units }: DrawContext,
  extra: readonly (string | undefined)[] = [],
): string[] {
  return [...settingsNotes(model, units), ...extra.filter((note) => note !== undefined)];
}

/** Notes of the results that are drawn, each once, with the number of scopes that have it. */
export function resultNotes(results: readonly UnitResult[]): string[] {
  const counts = new Map<string, number>();
  for (const note of results.flatMap(({ notes }) => notes))
    counts.set(note, (counts.get(note) ?? 0) + 1);
  // A note that differs from scope to scope would be a list: the first few stand for it.
  const shown = [...counts]
    .slice(0, 3)
    .map(([note, count]) => (count > 1 ? `${note} (${formatCount(count)} results)` : note));
  const more = counts.size - shown.length;
  return more > 0 ? [...shown, `${formatCount(more)} more notes are in the JSON.`] : shown;
}

/** Everything of a task for a program to read. */
function exportOf({ manifest, status }: InspectionModel, units: TaskUnits): unknown {
  const { request, title, model, adapter, backend, data, versions } = manifest;
  return {
    ...{ inspection: manifest.id, title, status, task: units.task },
    probeSet: { ...request.data, ...data },
    ...{ model, adapter, backend, versions },
    results: units.results.map(({ task: _task, ...unit }) => unit),
    failures: units.failures.map(({ scope, rho, text }) => ({ scope, rho, error: text })),
  };
}
