import { h } from './h';

interface Definition {
  readonly name: string;
  readonly text: string;
}

/** What the names in a chart mean, for the keyboard too: closed until somebody asks. */
export class Definitions {
  readonly #list = h('dl', { class: 'facts' });
  readonly element = h(
    'details',
    { class: 'definitions' },
    h('summary', {}, 'Formulas and spaces'),
    this.#list,
  );
  #shown = '';

  update(definitions: readonly Definition[]): void {
    this.element.hidden = definitions.length === 0;
    const key = JSON.stringify(definitions);
    if (key === this.#shown) return;
    this.#shown = key;
    this.#list.replaceChildren(
      ...definitions.flatMap(({ name, text }) => [h('dt', {}, name), h('dd', {}, text)]),
    );
  }
}
