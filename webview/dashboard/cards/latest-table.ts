import { QUANTITIES, type QuantityKey } from '../../../src/shared/quantities';
import type { RunModel } from '../../../src/shared/run-model';
import { h, setText } from '../../components/h';
import { button } from '../../components/toolkit';
import { formatNumber } from '../../data/format';
import { layerMatrix, measuredQuantities } from '../../data/layer-series';
import { toCsv, type TableData } from '../../data/table-data';
import { withoutModules } from './no-modules';
import type { SaveFile } from '../../page/save';

interface Sorting {
  readonly column: number;
  readonly descending: boolean;
}

/** The newest value of every quantity, a row per module; a click on a head sorts. */
export class LatestTable {
  readonly #message = h('p', { class: 'placeholder' });
  readonly #note = h('p', { class: 'note' });
  readonly #table = h('table');
  readonly #scroll: HTMLElement;
  #data: TableData = { columns: [], rows: 0 };
  #head = '';
  #sorting: Sorting = { column: 0, descending: false };
  #runId = '';

  constructor(section: HTMLElement, { title, save }: { title: string; save: SaveFile }) {
    const csv = button({
      label: 'CSV',
      title: `Save ${title} as CSV`,
      press: () =>
        save({ name: `${this.#runId}-latest.csv`, format: 'csv', data: toCsv(this.#data) }),
    });
    this.#scroll = h(
      'div',
      { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': `Table: ${title}` },
      this.#table,
    );
    section.replaceChildren(
      h(
        'div',
        { class: 'card-head' },
        h('h2', { id: section.getAttribute('aria-labelledby') ?? undefined }, title),
        h('div', { class: 'row tools' }, csv),
      ),
      this.#message,
      this.#note,
      this.#scroll,
    );
    this.showMessage('');
  }

  showMessage(text: string, final = false): void {
    setText(this.#message, text);
    this.#message.classList.toggle('final', final);
    this.#message.hidden = false;
    this.#note.hidden = this.#scroll.hidden = true;
  }

  update(model: RunModel): void {
    const keys = measuredQuantities(model);
    if (model.manifest.modules.length === 0) return this.showMessage(withoutModules(model), true);
    if (keys.length === 0) return this.showMessage('Nothing is measured per layer yet.');
    this.#message.hidden = true;
    this.#note.hidden = this.#scroll.hidden = false;
    this.#runId = model.manifest.id;
    this.#data = latestData(model, keys);
    const probe = model.probes.at(-1)?.step;
    setText(
      this.#note,
      `Step ${model.stepLayers.steps.at(-1) ?? '–'}; sharpness from the probe at step ${probe ?? '–'}. A dash is not applicable.`,
    );
    this.#draw();
  }

  #draw(): void {
    const { columns, rows } = this.#data;
    this.#drawHead(columns.map(({ name }) => name));
    const order = sortedRows(this.#data, this.#sorting);
    const body = this.#table.tBodies[0] ?? this.#table.createTBody();
    while (body.rows.length > rows) body.deleteRow(-1);
    while (body.rows.length < rows) {
      const tr = body.insertRow();
      columns.forEach((_, i) => tr.append(i === 0 ? h('th', { scope: 'row' }) : h('td')));
    }
    order.forEach((row, place) => {
      columns.forEach(({ values }, i) => {
        const cell = body.rows[place]?.cells[i];
        const value = values[row];
        if (cell) setText(cell, typeof value === 'number' ? formatNumber(value) : (value ?? ''));
      });
    });
  }

  #drawHead(names: readonly string[]): void {
    const key = names.join('\n');
    if (key !== this.#head) {
      this.#head = key;
      const heads = names.map((name, column) =>
        h(
          'th',
          { scope: 'col' },
          h('button', { class: 'sort', onclick: () => this.#sortBy(column) }, name),
        ),
      );
      this.#table.replaceChildren(
        h('caption', { class: 'visually-hidden' }, 'Latest values per layer'),
        h('thead', {}, h('tr', {}, ...heads)),
        h('tbody'),
      );
    }
    const { column, descending } = this.#sorting;
    const cells = this.#table.tHead?.rows[0]?.cells ?? [];
    Array.from(cells).forEach((th, i) => {
      if (i !== column) th.removeAttribute('aria-sort');
      else th.setAttribute('aria-sort', descending ? 'descending' : 'ascending');
    });
  }

  #sortBy(column: number): void {
    const again = this.#sorting.column === column;
    // Of a measure one wants the largest first, of names the model's order.
    this.#sorting = { column, descending: again ? !this.#sorting.descending : column > 0 };
    this.#draw();
  }
}

function latestData(model: RunModel, keys: readonly QuantityKey[]): TableData {
  const { modules } = model.manifest;
  const columns = keys.map((key) => {
    const matrix = layerMatrix(model, key);
    const from = ((matrix?.steps.length ?? 1) - 1) * modules.length;
    return {
      name: QUANTITIES[key].label,
      values: modules.map((_, i) => matrix?.values[from + i] ?? NaN),
    };
  });
  return {
    columns: [
      { name: 'module', values: modules.map(({ path }) => path) },
      { name: 'rank', values: modules.map(({ rank }) => rank) },
      ...columns,
    ],
    rows: modules.length,
  };
}

/** Row indices; NaN always last, the first column in the model's own order. */
function sortedRows({ columns, rows }: TableData, { column, descending }: Sorting): number[] {
  const order = Array.from({ length: rows }, (_, i) => i);
  const values = columns[column]?.values ?? [];
  const sign = descending ? -1 : 1;
  if (column === 0) return descending ? order.reverse() : order;
  return order.sort((a, b) => {
    const [x, y] = [Number(values[a]), Number(values[b])];
    if (Number.isNaN(x) || Number.isNaN(y))
      return Number(Number.isNaN(x)) - Number(Number.isNaN(y));
    return sign * (x - y) || a - b;
  });
}
