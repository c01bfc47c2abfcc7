import type { CheckpointContents, LoraPair } from '../../src/shared/checkpoint/contents';
import {
  PAIR_MEASURE_KEYS,
  PAIR_MEASURES,
  type PairResult,
} from '../../src/shared/checkpoint/measures';
import { Definitions } from '../components/definitions';
import { h, setText } from '../components/h';
import { button, setDisabled } from '../components/toolkit';
import { formatCount, formatNumber } from '../data/format';
import type { TableData } from '../data/table-data';
import { pairName } from './texts';

/** Lines in the page at once. */
const PAGE = 100;

type Results = ReadonlyMap<number, PairResult>;

const HEADS = [
  { label: 'module', summary: 'The adapted module: ΔW = s B A.' },
  { label: 'r', summary: 'Rank: rows of A.' },
  { label: 's', summary: 'Scale of the adapter, from adapter_config.json.' },
  ...PAIR_MEASURE_KEYS.map((key) => PAIR_MEASURES[key]),
];

/** A row per LoRA pair; a head sorts, a name selects. */
export class PairsTable {
  readonly element: HTMLElement;
  readonly #select: (pair: number) => void;
  readonly #table = h('table');
  readonly #place = h('span', { class: 'muted' });
  readonly #back: HTMLElement;
  readonly #on: HTMLElement;
  #contents: CheckpointContents | undefined;
  #results: Results = new Map();
  #first = 0;
  #column = 0;
  #descending = false;

  constructor(select: (pair: number) => void) {
    this.#select = select;
    this.#back = button({ label: 'Earlier rows', press: () => this.#turn(-PAGE) });
    this.#on = button({ label: 'Later rows', press: () => this.#turn(PAGE) });
    this.#table.append(
      h('caption', { class: 'visually-hidden' }, 'LoRA pairs'),
      h('thead', {}, h('tr', {}, ...HEADS.map((head, column) => this.#head(head, column)))),
      h('tbody'),
    );
    const definitions = new Definitions();
    definitions.update(
      PAIR_MEASURE_KEYS.map((key) => PAIR_MEASURES[key]).map(({ label, summary, space }) => ({
        name: label,
        text: `${summary} Space: ${space}.`,
      })),
    );
    const region = { tabindex: 0, role: 'region', 'aria-label': 'Table: LoRA pairs' };
    this.element = h(
      'div',
      { class: 'paged-table' },
      h('div', { class: 'scroll', ...region }, this.#table),
      h('div', { class: 'row' }, this.#back, this.#on, this.#place),
      definitions.element,
    );
  }

  update(contents: CheckpointContents, results: Results): void {
    this.#contents = contents;
    this.#results = results;
    this.#first = Math.min(this.#first, lastPage(contents.pairs.length));
    this.#draw();
  }

  #turn(rows: number): void {
    this.#first = Math.max(0, this.#first + rows);
    this.#draw();
  }

  #head({ label, summary }: { label: string; summary: string }, column: number): HTMLElement {
    const sort = h('button', { class: 'sort', title: summary }, label);
    sort.addEventListener('click', () => {
      this.#descending = this.#column === column ? !this.#descending : column > 0;
      this.#column = column;
      this.#first = 0;
      this.#draw();
    });
    return h('th', { scope: 'col' }, sort);
  }

  #draw(): void {
    const contents = this.#contents;
    if (!contents) return;
    const order = this.#order(contents.pairs);
    const last = Math.min(order.length, this.#first + PAGE);
    const rows = order.slice(this.#first, last).map((index) => this.#row(contents, index));
    const focused = document.activeElement?.getAttribute('data-pair');
    this.#table.tBodies[0]?.replaceChildren(...rows);
    // The row under the user's hand was replaced by its successor.
    if (focused !== null && focused !== undefined)
      this.#table.querySelector<HTMLElement>(`[data-pair="${focused}"]`)?.focus();
    [...(this.#table.tHead?.rows[0]?.cells ?? [])].forEach((th, i) => {
      if (i !== this.#column) th.removeAttribute('aria-sort');
      else th.setAttribute('aria-sort', this.#descending ? 'descending' : 'ascending');
    });
    const from = order.length === 0 ? 0 : this.#first + 1;
    const total = formatCount(order.length);
    setText(this.#place, `rows ${formatCount(from)}–${formatCount(last)} of ${total}`);
    setDisabled(this.#back, this.#first === 0);
    setDisabled(this.#on, last >= order.length);
  }

  #row(contents: CheckpointContents, index: number): HTMLElement {
    const pair = contents.pairs[index];
    if (!pair) throw new Error(`no pair ${index}`);
    const name = h(
      'button',
      { class: 'plain', title: pair.scaleNote, 'data-pair': index },
      pairName(pair),
    );
    name.addEventListener('click', () => this.#select(index));
    const cells = cellsOf(pair, this.#results.get(index)).map((value) =>
      h('td', {}, value === undefined ? '' : formatNumber(value)),
    );
    return h('tr', {}, h('th', { scope: 'row' }, name), ...cells);
  }

  #order(pairs: readonly LoraPair[]): number[] {
    const order = pairs.map((_, i) => i);
    const sign = this.#descending ? -1 : 1;
    if (this.#column === 0)
      return order.sort(
        (i, j) => sign * nameOf(pairs[i]).localeCompare(nameOf(pairs[j]), 'en', { numeric: true }),
      );
    const values = pairs.map(
      (pair, i) => cellsOf(pair, this.#results.get(i))[this.#column - 1] ?? NaN,
    );
    return order.sort((i, j) => {
      const [x, y] = [values[i] ?? NaN, values[j] ?? NaN];
      // What is not known comes last either way.
      if (Number.isNaN(x) || Number.isNaN(y))
        return Number(Number.isNaN(x)) - Number(Number.isNaN(y));
      return x === y ? i - j : sign * (x - y);
    });
  }
}

/** Rank, scale and measures; undefined where a measure is not known yet. */
function cellsOf(pair: LoraPair, result: PairResult | undefined): (number | undefined)[] {
  const { measures } = result ?? {};
  return [pair.rank, pair.scale, ...PAIR_MEASURE_KEYS.map((key) => measures?.values[key])];
}

/** All pairs with every digit, and their singular values in one cell. */
export function pairsData({ pairs, tensors }: CheckpointContents, results: Results): TableData {
  const column = (name: string, of: (pair: LoraPair, index: number) => string | number) => ({
    name,
    values: pairs.map(of),
  });
  return {
    columns: [
      column('module', ({ module }) => module),
      column('adapter', ({ adapter }) => adapter),
      column('kind', ({ kind }) => kind),
      column('r', ({ rank }) => rank),
      column('s', ({ scale }) => scale),
      column('scale from', ({ scaleNote }) => scaleNote),
      column('A', ({ a }) => tensors[a]?.name ?? ''),
      column('B', ({ b }) => tensors[b]?.name ?? ''),
      ...PAIR_MEASURE_KEYS.map((key) =>
        column(PAIR_MEASURES[key].label, (_, i) => results.get(i)?.measures?.values[key] ?? ''),
      ),
      column('singular values of s B A', (_, i) =>
        (results.get(i)?.measures?.singularValues ?? []).join(' '),
      ),
    ],
    rows: pairs.length,
  };
}

function nameOf(pair: LoraPair | undefined): string {
  return pair ? pairName(pair) : '';
}

function lastPage(rows: number): number {
  return Math.max(0, Math.ceil(rows / PAGE) - 1) * PAGE;
}
