import { valuesIn, type CheckpointContents } from '../../src/shared/checkpoint/contents';
import { PAIR_MEASURE_KEYS, PAIR_MEASURES } from '../../src/shared/checkpoint/measures';
import type { TreeNode } from '../../src/shared/checkpoint/tree';
import { h, setText } from '../components/h';
import { button, setDisabled } from '../components/toolkit';
import { formatCount, formatNumber, formatSetting } from '../data/format';
import { bytesOfPairs, canMeasure, pairsOf, type CheckpointState } from './state';
import { pairName, problemText, shapeText, sizeText } from './texts';

type Fact = readonly [name: string, text: string, title?: string];

export interface SelectionListeners {
  readonly copy: (text: string) => void;
  readonly measure: (pairs: readonly number[]) => void;
  readonly histogram: (tensor: number) => void;
}

/** What the selected line is, and what can be asked about it. */
export class Selection {
  readonly #name = h('p', { class: 'selected-name' });
  readonly #facts = h('dl', { class: 'facts' });
  readonly #message = h('p', { class: 'placeholder final' });
  readonly #copy: HTMLElement;
  readonly #histogram: HTMLElement;
  readonly #measure: HTMLElement;
  #node: TreeNode | undefined;
  #pairs: readonly number[] = [];

  constructor(section: HTMLElement, listeners: SelectionListeners) {
    this.#copy = button({
      label: 'Copy name',
      title: 'Copy the whole name',
      press: () => this.#node && listeners.copy(nameOf(this.#node)),
    });
    this.#histogram = button({
      label: 'Histogram',
      title: 'Read all values of this tensor and count them',
      press: () => {
        if (this.#node?.tensor !== undefined) listeners.histogram(this.#node.tensor);
      },
    });
    this.#measure = button({
      label: 'Measure',
      title: 'Read A and B and measure s B A',
      press: () => listeners.measure(this.#pairs),
    });
    section.replaceChildren(
      h(
        'div',
        { class: 'card-head' },
        h('h2', { id: section.getAttribute('aria-labelledby') ?? undefined }, 'Selection'),
        h('div', { class: 'row tools' }, this.#copy, this.#histogram, this.#measure),
      ),
      this.#message,
      this.#name,
      this.#facts,
    );
  }

  update(state: CheckpointState, node: TreeNode | undefined, reason: string | undefined): void {
    const { contents } = state;
    this.#node = node;
    this.#pairs = contents ? pairsOf(contents, node) : [];
    const shown = node !== undefined && contents !== undefined;
    setText(this.#message, reason ?? 'Nothing is selected. Choose a line of the table of tensors.');
    this.#message.hidden = shown;
    this.#name.hidden = this.#facts.hidden = !shown;
    setText(this.#name, node ? nameOf(node) : '');
    const measurable = canMeasure(state);
    setDisabled(this.#copy, !shown);
    setDisabled(this.#histogram, node?.tensor === undefined || !measurable);
    setDisabled(this.#measure, this.#pairs.length === 0 || !measurable);
    setText(
      this.#measure,
      this.#pairs.length > 1 ? `Measure ${formatCount(this.#pairs.length)} pairs` : 'Measure',
    );
    if (node && contents) this.#setFacts(factsOf(state, contents, node, this.#pairs));
  }

  #setFacts(facts: readonly Fact[]): void {
    this.#facts.replaceChildren(
      ...facts.flatMap(([name, text, title]) => [h('dt', { title }, name), h('dd', {}, text)]),
    );
  }
}

function nameOf({ path }: TreeNode): string {
  return path.replace(/\.$/, '');
}

function factsOf(
  state: CheckpointState,
  contents: CheckpointContents,
  node: TreeNode,
  pairs: readonly number[],
): Fact[] {
  const own = node.tensor === undefined ? moduleFacts(node) : tensorFacts(contents, node.tensor);
  const [only, ...others] = pairs;
  if (only === undefined) return own;
  if (others.length > 0)
    return [
      ...own,
      [
        'LoRA pairs',
        `${formatCount(pairs.length)}, ${sizeText(bytesOfPairs(contents, pairs))} to read; see the table of pairs`,
      ],
    ];
  return [...own, ...pairFacts(state, contents, only)];
}

function moduleFacts({ tensors, values, bytes }: TreeNode): Fact[] {
  return [
    ['tensors', formatCount(tensors)],
    ['values', formatCount(values)],
    ['size', sizeText(bytes)],
  ];
}

function tensorFacts({ tensors, files }: CheckpointContents, index: number): Fact[] {
  const tensor = tensors[index];
  if (!tensor) return [];
  const { dtype, begin, end, file } = tensor;
  const at = `${formatCount(begin)} to ${formatCount(end)}`;
  return [
    ['shape', shapeText(tensor)],
    ['dtype', dtype],
    ['values', formatCount(valuesIn(tensor))],
    ['size', sizeText(end - begin)],
    ['bytes', files.length > 1 ? `${at} of ${files[file]?.name ?? ''}` : at],
  ];
}

function pairFacts(state: CheckpointState, contents: CheckpointContents, index: number): Fact[] {
  const pair = contents.pairs[index];
  if (!pair) return [];
  const { rank, inputs, outputs, scale, scaleNote, kind } = pair;
  const shape = `A [${rank}, ${inputs}], B [${outputs}, ${rank}]${kind === 'linear' ? '' : `, ${kind}`}`;
  const facts: Fact[] = [
    ['LoRA pair', `${pairName(pair)}: ${shape}`],
    ['s', `${formatSetting(scale)} (${scaleNote.replace(/^s = /, '')})`],
  ];
  const result = state.results.get(index);
  if (result?.problem) return [...facts, ['not measured', problemText(result.problem)]];
  if (!result?.measures) return [...facts, ['measures', measuring(state)]];
  const { values, notFinite } = result.measures;
  const holes: Fact[] =
    notFinite > 0
      ? [['NaN or ∞', `${formatCount(notFinite)} values: nothing can be measured`]]
      : [];
  const measured = PAIR_MEASURE_KEYS.map((key): Fact => {
    const { label, summary, space } = PAIR_MEASURES[key];
    return [label, `${formatNumber(values[key])}  (${space})`, summary];
  });
  return [...facts, ...holes, ...measured];
}

function measuring({ work }: CheckpointState): string {
  return work.pairs ? 'being measured…' : 'press Measure';
}
