import { DASHBOARD_PANES, type PaneId } from '../../src/shared/dashboard-page';
import { observeTheme, readTheme, type Theme } from '../charts/theme';
import { xAxis } from '../charts/x-axis';
import { byId, setText } from '../components/h';
import type { RunModel } from '../../src/shared/run-model';
import { Banners } from './banners';
import { makeCards, type Card } from './cards';
import { Header, type ControlAction } from './header';
import type { SaveFile } from './save';
import { emptyReason, type DashboardState, type DrawContext, type ViewOptions } from './state';
import { statusLine } from './status';

export interface DashboardOptions {
  /** `command:` link that reopens the page in a new extension host. */
  readonly reconnectLink: string;
  readonly control?: (action: ControlAction) => void;
  readonly save: SaveFile;
  /** Opens a page below `docs/`; absent in a report. */
  readonly openDocs?: (page: string) => void;
  readonly viewChanged: (view: ViewOptions) => void;
  readonly failed: (message: string) => void;
  readonly state: DashboardState;
}

/** Share of the time that drawing one card may take: the rest is the user's. */
const DRAWING_SHARE = 0.25;

/** But no card waits longer than this: the first drawing also loads plotly. */
const LONGEST_WAIT_MS = 1000;

/** The page: folds nothing itself, shows `state`, and draws what is on screen when it changed. */
export class Dashboard {
  readonly state: DashboardState;
  readonly #options: DashboardOptions;
  readonly #header: Header;
  readonly #banners: Banners;
  readonly #cards: Map<PaneId, Card>;
  readonly #onScreen = new Set<PaneId>();
  readonly #stale = new Set<PaneId>();
  readonly #notBefore = new Map<PaneId, number>();
  readonly #announcer = byId('announcer');
  #theme: Theme = readTheme();
  #frame = 0;
  #eventAt = performance.now();
  #nextSeq = 0;
  #announced = '';

  constructor(options: DashboardOptions) {
    this.#options = options;
    this.state = options.state;
    const { control, save, openDocs, reconnectLink } = options;
    this.#header = new Header(byId('run-header'), {
      ...(control && { control }),
      toggleTables: () => this.setView({ table: !this.state.view.table }),
      toggleAxis: () => this.setView({ xAxis: this.state.view.xAxis === 'step' ? 'time' : 'step' }),
    });
    this.#banners = new Banners(byId('banners'), reconnectLink);
    this.#cards = makeCards({
      save,
      ...(openDocs && { openDocs }),
      setView: (change) => this.setView(change),
      state: this.state,
    });
    this.#watchPanes();
    observeTheme(() => this.#themeChanged());
    setInterval(() => this.#drawHeader(), 1000);
    this.changed();
  }

  setModel(model: RunModel): void {
    this.state.model = model;
    delete this.state.failure;
    this.changed();
  }

  setView(change: Partial<ViewOptions>): void {
    Object.assign(this.state.view, change);
    this.#options.viewChanged(this.state.view);
    this.#notBefore.clear();
    this.changed();
  }

  /** Shows what the host refused or what went wrong in the page. */
  notice(message: string): void {
    this.#banners.setNotice(message);
    this.announce(message);
    this.changed();
  }

  /** To be called after every change of `state`; draws with the next frame. */
  changed(): void {
    const { nextSeq = 0 } = this.state.model ?? {};
    if (nextSeq !== this.#nextSeq) this.#eventAt = performance.now();
    this.#nextSeq = nextSeq;
    for (const { id } of DASHBOARD_PANES) this.#stale.add(id);
    this.#request();
  }

  #request(): void {
    // Frames do not come to hidden pages, which is what we want of them.
    if (this.#frame === 0) this.#frame = requestAnimationFrame(() => void this.#draw());
  }

  async #draw(): Promise<void> {
    this.#drawHeader();
    this.#banners.update(this.state);
    const context = this.#context();
    const reason = emptyReason(this.state);
    if (reason !== undefined) for (const card of this.#cards.values()) card.showMessage(reason);
    for (const [id, card] of this.#cards) {
      if (!context || reason !== undefined) break;
      if (!this.#stale.has(id) || !this.#onScreen.has(id)) continue;
      const start = performance.now();
      if (start < (this.#notBefore.get(id) ?? 0)) continue;
      this.#stale.delete(id);
      try {
        await card.update(context);
      } catch (error) {
        card.showMessage(`This pane could not be drawn: ${text(error)}.`);
        this.#options.failed(`pane ${id}: ${text(error)}`);
      }
      const took = performance.now() - start;
      performance.measure(`draw ${id}`, { start, duration: took });
      this.#notBefore.set(id, start + Math.min(took / DRAWING_SHARE, LONGEST_WAIT_MS));
    }
    this.#frame = 0;
    if (reason === undefined && [...this.#stale].some((id) => this.#onScreen.has(id)))
      this.#request();
  }

  #context(): DrawContext | undefined {
    const { model, view, connection } = this.state;
    if (!model) return undefined;
    return { model, view, connection, theme: this.#theme, x: xAxis(model, view.xAxis) };
  }

  #drawHeader(): void {
    this.#header.update(this.state, performance.now() - this.#eventAt);
    const { model } = this.state;
    // Not each phase or step: only what changes the meaning of the page.
    const status = statusLine(this.state).text.replace(/^Running: .*/, 'Running');
    this.announce(model ? `${model.manifest.name}: ${status}` : '');
  }

  /** Says a sentence to screen readers, once. */
  announce(sentence: string): void {
    if (sentence === '' || sentence === this.#announced) return;
    this.#announced = sentence;
    setText(this.#announcer, sentence);
  }

  #themeChanged(): void {
    this.#theme = readTheme();
    this.#notBefore.clear();
    for (const { id } of DASHBOARD_PANES) this.#stale.add(id);
    this.#request();
  }

  #watchPanes(): void {
    const observer = new IntersectionObserver(
      (entries) => {
        for (const { target, isIntersecting } of entries) {
          const id = target.id.replace('pane-', '') as PaneId;
          if (isIntersecting) this.#onScreen.add(id);
          else this.#onScreen.delete(id);
        }
        this.#request();
      },
      // A little early, so that scrolling meets a finished chart.
      { rootMargin: '200px' },
    );
    for (const { id } of DASHBOARD_PANES) observer.observe(byId(`pane-${id}`));
  }
}

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
