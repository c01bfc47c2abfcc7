import { h } from '../components/h';
import { icon } from '../components/icons';

export interface Banner {
  readonly tone: 'bad' | 'warn';
  readonly text: string;
  readonly link?: { readonly href: string; readonly label: string };
}

/** Sentences about what is wrong, each with what to do. Empty while all is well. */
export class Banners {
  readonly #root: HTMLElement;
  #notice: string | undefined;
  #banners: readonly Banner[] = [];
  #shown = '';

  constructor(root: HTMLElement) {
    this.#root = root;
  }

  /** A refusal or failure of something the user asked for; stays until dismissed or replaced. */
  setNotice(text: string | undefined): void {
    this.#notice = text;
    this.#show();
  }

  update(banners: readonly Banner[]): void {
    this.#banners = banners;
    this.#show();
  }

  #show(): void {
    const key = JSON.stringify([this.#banners, this.#notice]);
    if (key === this.#shown) return;
    this.#shown = key;
    this.#root.replaceChildren(...this.#banners.map(render));
    if (this.#notice === undefined) return;
    const dismiss = h(
      'button',
      { class: 'plain', onclick: () => this.setNotice(undefined) },
      'Dismiss',
    );
    const notice = render({ tone: 'warn', text: this.#notice });
    notice.append(dismiss);
    this.#root.append(notice);
  }
}

function render({ tone, text, link }: Banner): HTMLElement {
  return h(
    'div',
    { class: `banner ${tone}` },
    icon(tone === 'bad' ? 'failed' : 'interrupted'),
    h('span', {}, text),
    link && h('a', { href: link.href }, link.label),
  );
}
