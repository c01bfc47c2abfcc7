import { h, setText } from '../components/h';
import { button, setDisabled } from '../components/toolkit';
import { formatCount } from '../data/format';
import { PairsTable } from './pairs-table';
import { bytesOfPairs, canMeasure, type CheckpointState } from './state';
import { sizeText } from './texts';

interface Listeners {
  readonly select: (pair: number) => void;
  readonly measureAll: () => void;
  readonly cancel: () => void;
  readonly csv: () => void;
  readonly docs: () => void;
}

/** All LoRA pairs of the file, to be measured on request. */
export class PairsPane {
  readonly #table: PairsTable;
  readonly #message = h('p', { class: 'placeholder final' });
  readonly #note = h('p', { class: 'note' });
  readonly #measure: HTMLElement;
  readonly #cancel: HTMLElement;
  readonly #csv: HTMLElement;
  readonly #progress = h('progress', { max: 1, 'aria-label': 'Pairs measured' });

  constructor(section: HTMLElement, { select, measureAll, cancel, csv, docs }: Listeners) {
    this.#table = new PairsTable(select);
    this.#measure = button({
      label: 'Measure all pairs',
      title: 'Read every A and B, one pair after the other',
      primary: true,
      press: measureAll,
    });
    this.#cancel = button({
      label: 'Cancel',
      title: 'Stop; what is measured stays',
      press: cancel,
    });
    this.#csv = button({
      label: 'CSV',
      title: 'Save the pairs as CSV, with every digit',
      press: csv,
    });
    const help = button({ label: 'Docs', title: 'Open the page about this editor', press: docs });
    section.replaceChildren(
      h(
        'div',
        { class: 'card-head' },
        h('h2', { id: section.getAttribute('aria-labelledby') ?? undefined }, 'LoRA pairs'),
        h('div', { class: 'row tools' }, help, this.#measure, this.#cancel, this.#csv),
      ),
      this.#progress,
      this.#message,
      this.#note,
      this.#table.element,
    );
  }

  update(state: CheckpointState, reason: string | undefined): void {
    const { contents, results, work } = state;
    const count = contents?.pairs.length ?? 0;
    const none =
      'This file holds no LoRA pairs: no tensor is named …lora_A.weight beside a …lora_B.weight.';
    setText(this.#message, reason ?? none);
    const shown = contents !== undefined && count > 0;
    this.#message.hidden = shown;
    this.#note.hidden = this.#table.element.hidden = !shown;
    this.#progress.hidden = this.#cancel.hidden = !work.pairs;
    if (work.pairs) this.#progress.value = work.pairs.done / Math.max(1, work.pairs.total);
    setDisabled(this.#csv, !shown);
    setDisabled(this.#measure, !shown || !canMeasure(state) || results.size >= count);
    if (!contents || !shown) return;
    setText(
      this.#note,
      noteText(
        state,
        count,
        bytesOfPairs(
          contents,
          contents.pairs.map((_, i) => i),
        ),
      ),
    );
    this.#table.update(contents, results);
  }
}

function noteText({ results, work }: CheckpointState, count: number, bytes: number): string {
  const settings = 'float64, from all values of A and B as stored; a dash is not applicable.';
  if (work.pairs)
    return `Measuring: ${formatCount(work.pairs.done)} of ${formatCount(work.pairs.total)} done. ${settings}`;
  const measured = `${formatCount(results.size)} of ${formatCount(count)} measured`;
  const rest = results.size < count ? `; all of them are ${sizeText(bytes)} to read` : '';
  return `${measured}${rest}. ${settings}`;
}
