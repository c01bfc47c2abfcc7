import { formatCount, formatNumber } from '../data/format';
import type { TableData } from '../data/table-data';
import { h, setText } from './h';
import { button, setDisabled } from './toolkit';

/** Rows in the page's DOM at once; 10,000 rows of 200 layers would stall it. */
const PAGE = 100;

/** A native table over many rows, a hundred at a time. Keeps its place across updates. */
export class PagedTable {
  readonly element: HTMLElement;
  readonly #table = h('table');
  readonly #place = h('span', { class: 'muted' });
  readonly #back: HTMLElement;
  readonly #on: HTMLElement;
  readonly #title: string;
  #data: TableData = { columns: [], rows: 0 };
  #first = 0;
  #head = '';

  constructor(title: string) {
    this.#title = title;
    this.#back = button({ label: 'Earlier rows', press: () => this.#turn(-PAGE) });
    this.#on = button({ label: 'Later rows', press: () => this.#turn(PAGE) });
    const scroll = h(
      'div',
      { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': `Table: ${title}` },
      this.#table,
    );
    this.element = h(
      'div',
      { class: 'paged-table' },
      scroll,
      h('div', { class: 'row' }, this.#back, this.#on, this.#place),
    );
  }

  update(data: TableData): void {
    this.#data = data;
    this.#first = Math.min(this.#first, Math.max(0, Math.ceil(data.rows / PAGE) - 1) * PAGE);
    this.#draw();
  }

  #turn(rows: number): void {
    this.#first = Math.max(0, this.#first + rows);
    this.update(this.#data);
  }

  #draw(): void {
    const { columns, rows } = this.#data;
    const last = Math.min(rows, this.#first + PAGE);
    this.#drawHead(columns.map(({ name }) => name));
    const body = this.#table.tBodies[0] ?? this.#table.createTBody();
    while (body.rows.length > last - this.#first) body.deleteRow(-1);
    for (let row = this.#first; row < last; row++) {
      const tr = body.rows[row - this.#first] ?? addRow(body, columns.length);
      columns.forEach(({ values }, i) => {
        const cell = tr.cells[i];
        if (cell) setText(cell, cellText(values[row]));
      });
    }
    setText(
      this.#place,
      rows === 0
        ? 'no rows'
        : `rows ${formatCount(this.#first + 1)}–${formatCount(last)} of ${formatCount(rows)}`,
    );
    setDisabled(this.#back, this.#first === 0);
    setDisabled(this.#on, last >= rows);
  }

  #drawHead(names: readonly string[]): void {
    const key = names.join('\n');
    if (key === this.#head) return;
    this.#head = key;
    this.#table.replaceChildren(
      h('caption', { class: 'visually-hidden' }, this.#title),
      h('thead', {}, h('tr', {}, ...names.map((name) => h('th', { scope: 'col' }, name)))),
      h('tbody'),
    );
  }
}

function addRow(body: HTMLTableSectionElement, columns: number): HTMLTableRowElement {
  const tr = body.insertRow();
  for (let i = 0; i < columns; i++) tr.append(i === 0 ? h('th', { scope: 'row' }) : h('td'));
  return tr;
}

function cellText(value: number | string | undefined): string {
  return typeof value === 'number' ? formatNumber(value) : (value ?? '');
}
