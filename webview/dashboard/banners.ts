import { describeError } from '../../src/shared/errors';
import { h } from '../components/h';
import { icon } from '../components/icons';
import type { DashboardState } from './state';

interface Banner {
  readonly tone: 'bad' | 'warn';
  readonly text: string;
  readonly link?: { readonly href: string; readonly label: string };
}

/** Sentences about what is wrong, each with what to do. Empty while all is well. */
export class Banners {
  readonly #root: HTMLElement;
  readonly #reconnectLink: string;
  #notice: string | undefined;
  #shown = '';

  constructor(root: HTMLElement, reconnectLink: string) {
    this.#root = root;
    this.#reconnectLink = reconnectLink;
  }

  /** A refusal or failure of something the user asked for; stays until dismissed or replaced. */
  setNotice(text: string | undefined): void {
    this.#notice = text;
  }

  update(state: DashboardState): void {
    const banners = bannersOf(state, this.#reconnectLink);
    const key = JSON.stringify([banners, this.#notice]);
    if (key === this.#shown) return;
    this.#shown = key;
    this.#root.replaceChildren(...banners.map(render));
    if (this.#notice === undefined) return;
    const dismiss = h('button', { class: 'plain', onclick: () => this.#dismiss(state) }, 'Dismiss');
    const notice = render({ tone: 'warn', text: this.#notice });
    notice.append(dismiss);
    this.#root.append(notice);
  }

  #dismiss(state: DashboardState): void {
    this.#notice = undefined;
    this.update(state);
  }
}

function bannersOf(state: DashboardState, reconnectLink: string): Banner[] {
  const { model, connection, failure, heard, trusted } = state;
  const banners: Banner[] = [];
  if (!heard)
    banners.push({
      tone: 'warn',
      text: 'Disconnected from the extension. The run goes on without it; this picture has stopped.',
      link: { href: reconnectLink, label: 'Reconnect' },
    });
  if (failure)
    banners.push({ tone: 'bad', text: `${failure.message}. ${failure.remedy ?? ''}`.trim() });
  if (model?.error) banners.push({ tone: 'bad', text: describeError(model.error) });
  const interrupted = connection === 'interrupted' || model?.status === 'interrupted';
  if (interrupted && heard)
    banners.push({
      tone: 'warn',
      text: `The run's process is gone. Everything up to here is saved; Resume goes on from ${checkpoint(state)}.${trusted ? '' : ' Trust this workspace first.'}`,
    });
  return banners;
}

function checkpoint({ model }: DashboardState): string {
  const last = model?.checkpoints.at(-1);
  return last ? `the checkpoint of step ${last.step}` : 'the start, as there is no checkpoint yet';
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
