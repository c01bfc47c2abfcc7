import { h } from './h';

export interface LegendEntry {
  readonly name: string;
  readonly color: string;
  readonly dash: string;
  readonly opacity: number;
  /** Formula and space, for those who point at it. */
  readonly hint?: string;
}

const DASHES: Record<string, string> = { dash: 'dashed', dashdot: 'dashed', dot: 'dotted' };

/** Names of the lines, wrapping where the pane is narrow; a press hides or shows one. */
export class Legend {
  readonly element = h('div', { class: 'legend row', role: 'group', 'aria-label': 'Lines' });
  readonly hidden = new Set<string>();
  readonly #changed: () => void;
  #shown = '';

  constructor(changed: () => void) {
    this.#changed = changed;
  }

  update(entries: readonly LegendEntry[]): void {
    const key = JSON.stringify(entries);
    if (key === this.#shown) return;
    this.#shown = key;
    this.element.hidden = entries.length < 2;
    this.element.replaceChildren(...entries.map((entry) => this.#button(entry)));
  }

  #button({ name, color, dash, opacity, hint }: LegendEntry): HTMLElement {
    const swatch = h('span', { class: 'swatch' });
    swatch.style.opacity = String(opacity);
    swatch.style.borderTop = `2px ${DASHES[dash] ?? 'solid'} ${color}`;
    const element = h(
      'button',
      {
        'aria-pressed': String(!this.hidden.has(name)),
        title: hint ? `${hint}\nPress to hide or show.` : 'Hide or show this line',
      },
      swatch,
      name,
    );
    element.addEventListener('click', () => {
      if (!this.hidden.delete(name)) this.hidden.add(name);
      element.setAttribute('aria-pressed', String(!this.hidden.has(name)));
      this.#changed();
    });
    return element;
  }
}
