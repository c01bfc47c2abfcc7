import { keepNonFinite } from '../../src/shared/numbers';
import { exportImage } from '../charts/export-image';
import { plotConfig, type ChartDrawing, type Drawing } from '../charts/figure';
import { loadPlotly } from '../charts/load-plotly';
import type { PlotlyHTMLElement, PlotlyModule } from '../charts/plotly';
import { Definitions } from '../components/definitions';
import { h, setText } from '../components/h';
import { Legend } from '../components/legend';
import { PagedTable } from '../components/paged-table';
import { button, setDisabled } from '../components/toolkit';
import { toCsv } from '../data/table-data';
import type { SavedFile, SaveFile } from './save';

/** The least that a card must know of what it draws from. */
interface CardContext {
  /** Whether tables stand in for charts. */
  readonly view: { readonly table: boolean };
}

export interface ChartCardOptions<Context extends CardContext> {
  readonly title: string;
  readonly draw: (context: Context) => Drawing;
  readonly save: SaveFile;
  /** What the page shows: the first part of export names. */
  readonly runId: () => string;
  /** Opens a page below `docs/`. A report cannot: it names the page instead. */
  readonly openDocs?: (page: string) => void;
  /** Choices above the chart, and what belongs below it. */
  readonly above?: HTMLElement;
  readonly below?: HTMLElement;
  /** Rows and columns of a clicked point. */
  readonly clicked?: (point: { x: unknown; y: unknown }) => void;
  readonly height?: (context: Context) => number;
  /** Whether results can be saved as JSON, settings included. */
  readonly json?: boolean;
}

/** A pane with a chart, its notes, its table twin and its exports. */
export class ChartCard<Context extends CardContext> {
  readonly #options: ChartCardOptions<Context>;
  readonly #toggle: HTMLElement;
  readonly #exports: HTMLElement[];
  readonly #docs: HTMLElement;
  readonly #docsNote = h('p', { class: 'note' });
  readonly #definitions = new Definitions();
  readonly #below = h('div');
  readonly #message = h('p', { class: 'placeholder' });
  readonly #notes = h('ul', { class: 'notes' });
  readonly #plot = h('div', { class: 'plot' });
  readonly #figure: HTMLElement;
  readonly #legend = new Legend(() => this.#redraw());
  readonly #table: PagedTable;
  #drawing: Drawing = { kind: 'message', text: '' };
  #showTable: boolean | undefined;
  #globalTable = false;
  #plotly: PlotlyModule | undefined;

  constructor(section: HTMLElement, options: ChartCardOptions<Context>) {
    this.#options = options;
    const { title, above, below, openDocs, json } = options;
    const formats = ['csv', 'png', 'svg', ...(json ? (['json'] as const) : [])] as const;
    this.#table = new PagedTable(title);
    this.#toggle = button({
      label: 'Table',
      title: `Show ${title} as a table`,
      press: () => this.#setTable(!this.#tableShown),
    });
    this.#exports = formats.map((format) =>
      button({
        label: format.toUpperCase(),
        title: `Save ${title} as ${format.toUpperCase()}`,
        press: () => void this.#export(format),
      }),
    );
    this.#docs = button({
      label: 'Docs',
      title: `Open the page that explains ${title}`,
      press: () => this.#drawing.docs && openDocs?.(this.#drawing.docs),
    });
    this.#figure = h('figure', { role: 'group' }, this.#plot);
    section.replaceChildren(
      h(
        'div',
        { class: 'card-head' },
        h('h2', { id: section.getAttribute('aria-labelledby') ?? undefined }, title),
        h('div', { class: 'row tools' }, this.#docs, this.#toggle, ...this.#exports),
      ),
      ...(above ? [above] : []),
      this.#notes,
      this.#message,
      this.#legend.element,
      this.#figure,
      this.#table.element,
      this.#definitions.element,
      this.#docsNote,
      this.#below,
    );
    if (below) this.#below.append(below);
    new ResizeObserver(() => this.#resize()).observe(this.#plot);
    this.#arrange();
  }

  /** Draws what the run says now. Zoom, page of the table and focus stay. */
  async update(context: Context): Promise<void> {
    if (context.view.table !== this.#globalTable) {
      this.#globalTable = context.view.table;
      this.#showTable = undefined;
    }
    const drawing = this.#options.draw(context);
    this.#drawing = drawing;
    if (drawing.kind === 'chart') this.#legend.update(drawing.figure.legend ?? []);
    this.#arrange();
    if (drawing.kind === 'message') return;
    this.#setNotes(drawing.notes);
    if (this.#tableShown) return this.#table.update(drawing.table());
    this.#figure.setAttribute(
      'aria-label',
      `${drawing.label} The Table button shows the same data as a table.`,
    );
    this.#plot.style.height = `${this.#options.height?.(context) ?? 250}px`;
    await this.#react(drawing.figure);
  }

  /** No data to draw: says why. */
  showMessage(text: string): void {
    this.#drawing = { kind: 'message', text };
    this.#arrange();
  }

  get #tableShown(): boolean {
    return this.#showTable ?? this.#globalTable;
  }

  #setTable(shown: boolean): void {
    this.#showTable = shown;
    this.#arrange();
    if (this.#drawing.kind === 'message') return;
    if (shown) this.#table.update(this.#drawing.table());
    else this.#redraw();
  }

  #redraw(): void {
    if (this.#drawing.kind === 'chart') void this.#react(this.#drawing.figure);
  }

  #arrange(): void {
    const chart = this.#drawing.kind === 'chart';
    if (this.#drawing.kind === 'message') {
      setText(this.#message, this.#drawing.text);
      this.#message.classList.toggle('final', this.#drawing.final ?? false);
    }
    this.#message.hidden = chart;
    this.#below.hidden = !chart;
    this.#notes.hidden = !chart;
    this.#figure.hidden = !chart || this.#tableShown;
    this.#legend.element.style.display = this.#figure.hidden ? 'none' : '';
    this.#table.element.hidden = !chart || !this.#tableShown;
    this.#definitions.update(
      this.#drawing.kind === 'chart' ? (this.#drawing.definitions ?? []) : [],
    );
    this.#arrangeDocs();
    setText(this.#toggle, this.#tableShown ? 'Chart' : 'Table');
    for (const element of [this.#toggle, ...this.#exports]) setDisabled(element, !chart);
  }

  #arrangeDocs(): void {
    const { docs } = this.#drawing;
    this.#docs.hidden = docs === undefined || !this.#options.openDocs;
    this.#docsNote.hidden = docs === undefined || !!this.#options.openDocs;
    setText(this.#docsNote, `Explained in docs/${docs} of Flatscape.`);
  }

  #setNotes(notes: readonly string[]): void {
    if (this.#notes.children.length !== notes.length)
      this.#notes.replaceChildren(...notes.map(() => h('li')));
    notes.forEach((note, i) => {
      const item = this.#notes.children[i];
      if (item) setText(item, note);
    });
  }

  async #react(figure: ChartDrawing['figure']): Promise<void> {
    const first = !this.#plotly;
    const plotly = (this.#plotly ??= await loadPlotly());
    for (const trace of figure.data)
      (trace as { visible?: boolean }).visible = !this.#legend.hidden.has(String(trace.name));
    await plotly.react(this.#plot, figure.data, figure.layout, plotConfig());
    if (first) this.#listen();
  }

  #listen(): void {
    const { clicked } = this.#options;
    const plot = this.#plot as unknown as PlotlyHTMLElement;
    if (clicked)
      plot.on('plotly_click', ({ points }) => {
        const point = points[0];
        if (point) clicked({ x: point.x, y: point.y });
      });
  }

  #resize(): void {
    if (this.#plotly && !this.#figure.hidden && this.#plot.offsetWidth > 0)
      this.#plotly.Plots.resize(this.#plot);
  }

  async #export(format: SavedFile['format']): Promise<void> {
    const drawing = this.#drawing;
    if (drawing.kind === 'message') return;
    const { runId, save } = this.#options;
    const data = await this.#exported(drawing, format);
    save({ name: `${runId()}-${drawing.name}.${format}`, format, data });
  }

  async #exported(drawing: ChartDrawing, format: SavedFile['format']): Promise<string> {
    if (format === 'csv') return toCsv(drawing.table());
    if (format === 'json') return `${JSON.stringify(drawing.json?.() ?? null, keepNonFinite, 2)}\n`;
    const { title, runId } = this.#options;
    return exportImage(drawing.figure, {
      format,
      title: [title, drawing.subject, runId()].filter(Boolean).join(' · '),
      notes: [...(drawing.captions ?? []), ...drawing.notes],
      width: Math.max(640, this.#plot.offsetWidth),
      height: Math.max(280, this.#plot.offsetHeight),
    });
  }
}
