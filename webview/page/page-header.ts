import { h, setText } from '../components/h';
import { icon, type IconName } from '../components/icons';
import { button, setDisabled } from '../components/toolkit';

export interface StatusLine {
  readonly icon: IconName;
  readonly text: string;
  /** Class name that colours it. */
  readonly tone: 'running' | 'good' | 'bad' | 'warn' | 'calm';
}

export interface ControlButton<Action extends string> {
  readonly name: Action;
  readonly label: string;
  readonly title: string;
}

interface PageHeaderOptions<Fact extends string, Action extends string> {
  /** Before there is anything to name. */
  readonly title: string;
  readonly progressLabel: string;
  readonly factNames: Readonly<Record<Fact, string>>;
  readonly controls: readonly ControlButton<Action>[];
  /** Absent in a report, which controls nothing. */
  readonly control?: (action: Action) => void;
  /** What changes the view alone, at the end of the bar. */
  readonly toggles: readonly HTMLElement[];
}

/** Name, status and progress, always in view; below them facts and controls. */
export class PageHeader<Fact extends string, Action extends string> {
  readonly controls = new Map<Action, HTMLElement>();
  readonly #title: HTMLElement;
  readonly #status = h('span', { class: 'status', id: 'run-status' });
  readonly #progress: HTMLProgressElement;
  readonly #facts = new Map<string, HTMLElement>();
  #shown: StatusLine | undefined;

  constructor(root: HTMLElement, options: PageHeaderOptions<Fact, Action>) {
    const { title, progressLabel, factNames, controls, control, toggles } = options;
    this.#title = h('h1', {}, title);
    this.#progress = h('progress', { max: 1, value: 0, 'aria-label': progressLabel });
    const facts = Object.entries<string>(factNames).map(([fact, name]) => {
      const value = h('dd', { id: `fact-${fact}` }, '–');
      this.#facts.set(fact, value);
      return h('div', {}, h('dt', {}, name), value);
    });
    if (control)
      for (const { name, label, title: hint } of controls) {
        const element = button({ label, title: hint, press: () => control(name) });
        element.id = `control-${name}`;
        this.controls.set(name, element);
      }
    root.replaceChildren(
      h(
        'div',
        { class: 'title-bar' },
        h('div', { class: 'row title' }, this.#title, this.#status),
        this.#progress,
      ),
      h(
        'div',
        { class: 'run-bar' },
        h('dl', { class: 'run-facts' }, ...facts),
        h(
          'div',
          { class: 'row controls' },
          h('div', { class: 'row' }, ...this.controls.values()),
          h('div', { class: 'row' }, ...toggles),
        ),
      ),
    );
  }

  setTitle(text: string, tooltip: string): void {
    setText(this.#title, text);
    this.#title.title = tooltip;
  }

  setStatus(status: StatusLine): void {
    if (this.#shown?.icon === status.icon && this.#shown.text === status.text) return;
    this.#shown = status;
    this.#status.className = `status ${status.tone}`;
    this.#status.replaceChildren(icon(status.icon), status.text);
  }

  /** @param share of the work that is done, 0 to 1 */
  setProgress(share: number): void {
    this.#progress.value = share;
  }

  setFacts(texts: Readonly<Record<Fact, string>>): void {
    for (const [fact, text] of Object.entries<string>(texts)) {
      const element = this.#facts.get(fact);
      if (element) setText(element, text);
    }
  }

  setEnabled(action: Action, enabled: boolean): void {
    const element = this.controls.get(action);
    if (element) setDisabled(element, !enabled);
  }
}
