import type { CheckpointTensor } from '../../src/shared/checkpoint/contents';
import type { TreeRow } from '../../src/shared/checkpoint/tree';
import { h } from '../components/h';
import { formatCount } from '../data/format';
import { shapeText, sizeText } from './texts';
import { moveInTree, type TreeMove } from './tree-keys';

/** As in the style sheet: with lines of one height, only those on screen need to be there. */
const ROW_HEIGHT = 22;
/** Lines drawn beyond either edge of what is on screen. */
const MARGIN = 15;

const COLUMNS = ['Name', 'Shape', 'dtype', 'Values', 'Size'] as const;

export interface TreeListeners {
  readonly select: (path: string) => void;
  readonly toggle: (path: string) => void;
  /** Enter or a double click. */
  readonly activate: (row: TreeRow) => void;
  readonly scrolled: (top: number) => void;
}

/**
 * A tree of modules and tensors in a table, of any size: only the lines on screen are in the page.
 * The grid itself has the focus and names its active line, so that scrolling never loses it.
 */
export class TensorTree {
  readonly element: HTMLElement;
  readonly #listeners: TreeListeners;
  readonly #grid: HTMLTableElement;
  readonly #body = h('tbody', { role: 'rowgroup' });
  #rows: readonly TreeRow[] = [];
  #tensors: readonly CheckpointTensor[] = [];
  #selected: string | undefined;
  #frame = 0;

  constructor(listeners: TreeListeners) {
    this.#listeners = listeners;
    const heads = COLUMNS.map((name) => h('th', { scope: 'col', role: 'columnheader' }, name));
    this.#grid = h(
      'table',
      {
        role: 'treegrid',
        class: 'tree',
        tabindex: 0,
        'aria-label': 'Tensors by module',
        onkeydown: (event) => this.#pressed(event as KeyboardEvent),
      },
      h('thead', { role: 'rowgroup' }, h('tr', { role: 'row', 'aria-rowindex': 1 }, ...heads)),
      this.#body,
    );
    this.element = h('div', { class: 'tree-scroll' }, this.#grid);
    this.element.addEventListener('scroll', () => {
      this.#draw();
      listeners.scrolled(this.element.scrollTop);
    });
    this.#body.addEventListener('click', (event) => this.#clicked(event));
    this.#body.addEventListener('dblclick', (event) => {
      const row = this.#rowAt(event.target);
      if (row) listeners.activate(row);
    });
    new ResizeObserver(() => this.#draw()).observe(this.element);
  }

  update(
    rows: readonly TreeRow[],
    tensors: readonly CheckpointTensor[],
    selected: string | undefined,
  ): void {
    this.#rows = rows;
    this.#tensors = tensors;
    this.#selected = selected;
    this.#grid.setAttribute('aria-rowcount', String(rows.length + 1));
    this.#drawNow();
  }

  /** Brings the selected line on screen. */
  reveal(): void {
    const index = this.#selectedIndex();
    if (index < 0) return;
    const head = this.#grid.tHead?.offsetHeight ?? ROW_HEIGHT;
    const { scrollTop, clientHeight } = this.element;
    const top = index * ROW_HEIGHT;
    // The head covers what lies right under it.
    if (top < scrollTop) this.element.scrollTop = top;
    else if (top + ROW_HEIGHT > scrollTop + clientHeight - head)
      this.element.scrollTop = top + ROW_HEIGHT - clientHeight + head;
    this.#drawNow();
  }

  scrollTo(top: number): void {
    this.element.scrollTop = top;
    this.#drawNow();
  }

  #draw(): void {
    if (this.#frame === 0)
      this.#frame = requestAnimationFrame(() => {
        this.#frame = 0;
        this.#drawNow();
      });
  }

  #drawNow(): void {
    const { clientHeight } = this.element;
    // Lines may have become fewer than what had been scrolled over.
    const furthest = Math.max(0, (this.#rows.length + 1) * ROW_HEIGHT - clientHeight);
    const top = Math.min(this.element.scrollTop, furthest);
    const first = Math.max(0, Math.floor(top / ROW_HEIGHT) - MARGIN);
    const shown = Math.ceil((clientHeight || 400) / ROW_HEIGHT) + 2 * MARGIN;
    const last = Math.min(this.#rows.length, first + shown);
    const lines = this.#rows.slice(first, last).map((row, i) => this.#line(row, first + i));
    this.#body.replaceChildren(
      spacer(first * ROW_HEIGHT),
      ...lines,
      spacer((this.#rows.length - last) * ROW_HEIGHT),
    );
    const selected = this.#selectedIndex();
    const drawn = selected >= first && selected < last;
    if (drawn) this.#grid.setAttribute('aria-activedescendant', `line-${selected}`);
    else this.#grid.removeAttribute('aria-activedescendant');
  }

  #line(row: TreeRow, index: number): HTMLElement {
    const { node, level, expanded, place, siblings } = row;
    const tensor = node.tensor === undefined ? undefined : this.#tensors[node.tensor];
    const twistie = h('span', { class: 'twistie', 'aria-hidden': 'true' });
    const name = h('td', { role: 'gridcell', title: node.path }, twistie, node.label);
    name.style.paddingInlineStart = `${4 + 14 * (level - 1)}px`;
    const count = tensor
      ? ''
      : `${formatCount(node.tensors)} tensor${node.tensors === 1 ? '' : 's'}`;
    return h(
      'tr',
      {
        role: 'row',
        id: `line-${index}`,
        class: tensor ? 'tensor' : 'module',
        'data-path': node.path,
        'aria-level': level,
        'aria-posinset': place,
        'aria-setsize': siblings,
        'aria-rowindex': index + 2,
        'aria-selected': String(node.path === this.#selected),
        ...(node.children.length > 0 && { 'aria-expanded': String(expanded) }),
      },
      name,
      h('td', { role: 'gridcell' }, tensor ? shapeText(tensor) : count),
      h('td', { role: 'gridcell' }, tensor?.dtype ?? ''),
      h('td', { role: 'gridcell' }, formatCount(node.values)),
      h('td', { role: 'gridcell' }, sizeText(node.bytes)),
    );
  }

  #clicked(event: MouseEvent): void {
    const row = this.#rowAt(event.target);
    if (!row) return;
    this.#listeners.select(row.node.path);
    const onTwistie = event.target instanceof Element && event.target.matches('.twistie');
    if (onTwistie && row.node.children.length > 0) this.#listeners.toggle(row.node.path);
  }

  #rowAt(target: EventTarget | null): TreeRow | undefined {
    const path = target instanceof Element ? target.closest('tr')?.dataset['path'] : undefined;
    return this.#rows.find(({ node }) => node.path === path);
  }

  #selectedIndex(): number {
    return this.#rows.findIndex(({ node }) => node.path === this.#selected);
  }

  #pressed(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const page = Math.max(1, Math.floor(this.element.clientHeight / ROW_HEIGHT) - 2);
    const move = moveInTree(event.key, { rows: this.#rows, at: this.#selectedIndex(), page });
    if (!move) return;
    event.preventDefault();
    this.#apply(move);
  }

  #apply(move: TreeMove): void {
    const { select, toggle, activate } = this.#listeners;
    const row = this.#rows[move.at];
    if (!row) return;
    if (move.do === 'select') {
      select(row.node.path);
      this.reveal();
    } else if (move.do === 'toggle') toggle(row.node.path);
    else activate(row);
  }
}

/** Stands for the lines that are not drawn. */
function spacer(height: number): HTMLElement {
  const row = h('tr', { 'aria-hidden': 'true', class: 'spacer' });
  row.style.height = `${height}px`;
  row.hidden = height === 0;
  return row;
}
