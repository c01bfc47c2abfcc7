import { valuesIn, type CheckpointContents } from '../../src/shared/checkpoint/contents';
import {
  allModules,
  buildTree,
  initiallyExpanded,
  matching,
  visibleRows,
  type TreeNode,
} from '../../src/shared/checkpoint/tree';
import { h, setText } from '../components/h';
import { button, setDisabled } from '../components/toolkit';
import { formatCount } from '../data/format';
import { toCsv } from '../data/table-data';
import type { CheckpointState } from './state';
import { TensorTree } from './tensor-tree';

interface Listeners {
  /** The view changed: what is open, the filter, the place. */
  readonly changed: () => void;
  readonly selected: () => void;
  /** A tensor was activated. */
  readonly count: (tensor: number) => void;
  readonly csv: (data: string) => void;
}

const FILTER_MS = 120;

/** The tree of tensors with its filter. */
export class TensorsPane {
  readonly #state: CheckpointState;
  readonly #listeners: Listeners;
  readonly #tree: TensorTree;
  readonly #filter = h('input', {
    type: 'search',
    id: 'filter',
    placeholder: 'name, dtype or shape',
    'aria-label': 'Filter the tensors by name, dtype or shape',
  });
  readonly #shards = h('select', { id: 'choose-shard' });
  readonly #shardLabel = h('label', { hidden: true }, 'file ', this.#shards);
  readonly #count = h('span', { class: 'muted', id: 'tensor-count' });
  readonly #message = h('p', { class: 'placeholder final' });
  readonly #csv: HTMLElement;
  readonly #tools: HTMLElement;
  /** What the tree was built from, and all of its nodes by path. */
  #built: { readonly key: string; readonly contents: CheckpointContents } | undefined;
  #included: readonly number[] = [];
  #roots: readonly TreeNode[] = [];
  #nodes = new Map<string, TreeNode>();
  #firstDrawing = true;

  constructor(section: HTMLElement, state: CheckpointState, listeners: Listeners) {
    this.#state = state;
    this.#listeners = listeners;
    this.#tree = new TensorTree({
      select: (path) => this.#setSelected(path),
      toggle: (path) => this.#toggle(path),
      activate: ({ node }) =>
        node.tensor === undefined ? this.#toggle(node.path) : listeners.count(node.tensor),
      scrolled: (top) => {
        state.view.scroll = top;
        listeners.changed();
      },
    });
    const open = (all: boolean) => () => {
      state.view.expanded = new Set(all ? allModules(this.#roots) : []);
      listeners.changed();
    };
    const title = 'Save the listed tensors as CSV';
    this.#csv = button({ label: 'CSV', title, press: () => this.#saveCsv() });
    this.#tools = h(
      'div',
      { class: 'row tools' },
      button({ label: 'Open all', title: 'Open all modules', press: open(true) }),
      button({ label: 'Close all', title: 'Close all modules', press: open(false) }),
      this.#csv,
    );
    this.#listen();
    section.replaceChildren(
      h(
        'div',
        { class: 'card-head' },
        h('h2', { id: section.getAttribute('aria-labelledby') ?? undefined }, 'Tensors'),
        this.#tools,
      ),
      h('div', { class: 'row choice' }, this.#filter, this.#shardLabel, this.#count),
      this.#message,
      this.#tree.element,
    );
  }

  update(reason: string | undefined): void {
    const { contents, view } = this.#state;
    const empty = contents?.tensors.length === 0 ? 'The file holds no tensors.' : undefined;
    const unmatched = 'No tensor matches the filter.';
    this.#build();
    const nothing = reason ?? empty ?? (this.#included.length === 0 ? unmatched : undefined);
    setText(this.#message, nothing ?? '');
    this.#message.hidden = nothing === undefined;
    this.#tree.element.hidden = nothing !== undefined;
    setDisabled(this.#csv, nothing !== undefined);
    if (!contents || nothing !== undefined) return setText(this.#count, '');
    const rows = visibleRows(this.#roots, (path) => this.#isExpanded(path));
    this.#tree.update(rows, contents.tensors, view.selected);
    const [shown, all] = [this.#included.length, contents.tensors.length];
    setText(
      this.#count,
      shown === all
        ? `${formatCount(all)} tensors`
        : `${formatCount(shown)} of ${formatCount(all)}`,
    );
    if (!this.#firstDrawing) return;
    this.#firstDrawing = false;
    this.#tree.scrollTo(view.scroll);
  }

  selectedNode(): TreeNode | undefined {
    const { selected } = this.#state.view;
    return selected === undefined ? undefined : this.#nodes.get(selected);
  }

  /** Selects a tensor wherever it is: filter and closed modules give way. */
  select(path: string): void {
    const { view } = this.#state;
    if (!this.#nodes.has(path)) {
      view.filter = this.#filter.value = '';
      view.shard = undefined;
      this.#build();
    }
    const open = new Set(view.expanded ?? initiallyExpanded(this.#roots));
    for (const module of allModules(this.#roots)) if (path.startsWith(module)) open.add(module);
    view.expanded = open;
    view.selected = path;
    this.update(undefined);
    this.#tree.reveal();
    this.#listeners.selected();
  }

  #listen(): void {
    const { view } = this.#state;
    let timer: ReturnType<typeof setTimeout> | undefined;
    this.#filter.value = view.filter;
    this.#filter.addEventListener('input', () => {
      clearTimeout(timer);
      timer = setTimeout(() => {
        view.filter = this.#filter.value;
        this.#listeners.changed();
      }, FILTER_MS);
    });
    this.#shards.addEventListener('change', () => {
      view.shard = this.#shards.value === '' ? undefined : this.#shards.value;
      this.#listeners.changed();
    });
  }

  #build(): void {
    const { contents, view } = this.#state;
    if (!contents) return;
    const key = JSON.stringify([view.filter, view.shard]);
    if (this.#built?.key === key && this.#built.contents === contents) return;
    const isNew = this.#built?.contents !== contents;
    this.#built = { key, contents };
    if (isNew) this.#listShards(contents);
    const file = contents.files.findIndex(({ name }) => name === view.shard);
    this.#included = matching(contents.tensors, view.filter, file < 0 ? undefined : file);
    this.#roots = buildTree(contents.tensors, this.#included);
    this.#nodes = new Map();
    const note = (nodes: readonly TreeNode[]): void =>
      nodes.forEach((node) => {
        this.#nodes.set(node.path, node);
        note(node.children);
      });
    note(this.#roots);
    view.expanded ??= new Set(initiallyExpanded(this.#roots));
  }

  #listShards({ files }: CheckpointContents): void {
    this.#shardLabel.hidden = files.length < 2;
    const { shard } = this.#state.view;
    this.#shards.replaceChildren(
      h('option', { value: '' }, `all ${files.length}`),
      ...files.map(({ name }) => h('option', { value: name, selected: name === shard }, name)),
    );
  }

  /** What a filter finds is shown, whatever was closed before. */
  #isExpanded(path: string): boolean {
    const { filter, expanded } = this.#state.view;
    return filter.trim() !== '' || (expanded?.has(path) ?? false);
  }

  #setSelected(path: string): void {
    const { view } = this.#state;
    if (view.selected === path) return;
    view.selected = path;
    this.update(undefined);
    this.#listeners.selected();
  }

  #toggle(path: string): void {
    const { view } = this.#state;
    const open = (view.expanded ??= new Set());
    if (!open.delete(path)) open.add(path);
    this.update(undefined);
    this.#listeners.changed();
  }

  #saveCsv(): void {
    const { contents } = this.#state;
    if (!contents) return;
    const tensors = this.#included.flatMap((index) => contents.tensors[index] ?? []);
    const columns = [
      { name: 'name', values: tensors.map(({ name }) => name) },
      { name: 'dtype', values: tensors.map(({ dtype }) => dtype) },
      { name: 'shape', values: tensors.map(({ shape }) => shape.join('x')) },
      { name: 'values', values: tensors.map(valuesIn) },
      { name: 'bytes', values: tensors.map(({ begin, end }) => end - begin) },
      { name: 'file', values: tensors.map(({ file }) => contents.files[file]?.name ?? '') },
      { name: 'begin', values: tensors.map(({ begin }) => begin) },
      { name: 'end', values: tensors.map(({ end }) => end) },
    ];
    this.#listeners.csv(toCsv({ columns, rows: tensors.length }));
  }
}
