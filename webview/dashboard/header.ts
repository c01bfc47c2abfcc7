import { METHODS } from '../../src/shared/methods';
import type { PageMessage } from '../../src/shared/messages';
import type { RunModel } from '../../src/shared/run-model';
import { h, setText } from '../components/h';
import { icon } from '../components/icons';
import { button, setDisabled, setPrimary } from '../components/toolkit';
import { remainingMs } from '../data/estimate';
import { formatCount, formatDuration, formatNumber } from '../data/format';
import type { DashboardState } from './state';
import { canControl, canResume, statusLine, type StatusLine } from './status';

export type ControlAction = Extract<PageMessage, { type: 'control' }>['action'];

export interface HeaderOptions {
  /** Absent in a report, which controls nothing. */
  readonly control?: (action: ControlAction) => void;
  readonly toggleTables: () => void;
  readonly toggleAxis: () => void;
}

const FACTS = ['step', 'elapsed', 'left', 'metric', 'loss', 'method', 'rho', 'backend'] as const;
type Fact = (typeof FACTS)[number];

const FACT_NAMES: Record<Fact, string> = {
  step: 'Step',
  elapsed: 'Elapsed',
  left: 'Left (estimate)',
  metric: 'Accuracy',
  loss: 'Loss',
  method: 'Method',
  rho: 'ρ now',
  backend: 'Backend',
};

/** Name, status and progress of the run, always in view; below them facts and controls. */
export class Header {
  readonly #title = h('h1', {}, 'Flatscape run');
  readonly #status = h('span', { class: 'status', id: 'run-status' });
  readonly #progress = h('progress', { max: 1, value: 0, 'aria-label': 'Steps taken' });
  readonly #facts = new Map<Fact, HTMLElement>();
  readonly #controls = new Map<ControlAction, HTMLElement>();
  readonly #tables: HTMLElement;
  readonly #axis: HTMLElement;
  #shown: StatusLine | undefined;

  constructor(root: HTMLElement, { control, toggleTables, toggleAxis }: HeaderOptions) {
    const facts = FACTS.map((fact) => {
      const value = h('dd', { id: `fact-${fact}` }, '–');
      this.#facts.set(fact, value);
      return h('div', {}, h('dt', {}, FACT_NAMES[fact]), value);
    });
    if (control)
      for (const action of CONTROLS) this.#controls.set(action.name, make(action, control));
    this.#tables = button({ label: 'Show tables', press: toggleTables });
    this.#axis = button({ label: 'Axis: steps', press: toggleAxis });
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
          h('div', { class: 'row' }, ...this.#controls.values()),
          h('div', { class: 'row' }, this.#axis, this.#tables),
        ),
      ),
    );
  }

  /** @param sinceEventMs time since the newest event arrived, to let the clock run on */
  update(state: DashboardState, sinceEventMs: number): void {
    const { model, view } = state;
    this.#setStatus(statusLine(state));
    setText(this.#tables, view.table ? 'Show charts' : 'Show tables');
    setText(this.#axis, view.xAxis === 'step' ? 'Axis: steps' : 'Axis: time');
    this.#setControls(state);
    if (!model) return;
    setText(this.#title, model.manifest.name);
    this.#title.title = model.manifest.id;
    const taken = model.steps.step.at(-1) ?? 0;
    this.#progress.value = model.totalSteps > 0 ? taken / model.totalSteps : 0;
    for (const [fact, text] of Object.entries(factTexts(state, model, sinceEventMs)))
      setText(this.#facts.get(fact as Fact) ?? this.#title, text);
  }

  #setStatus(status: StatusLine): void {
    if (this.#shown?.icon === status.icon && this.#shown.text === status.text) return;
    this.#shown = status;
    this.#status.className = `status ${status.tone}`;
    this.#status.replaceChildren(icon(status.icon), status.text);
  }

  #setControls(state: DashboardState): void {
    const live = canControl(state);
    for (const { name, needs } of CONTROLS) {
      const element = this.#controls.get(name);
      if (!element) continue;
      const enabled = needs === 'live' ? live : needs === 'resume' ? canResume(state) : state.heard;
      setDisabled(element, !enabled);
    }
    const resume = this.#controls.get('resume');
    if (!resume) return;
    setPrimary(resume, canResume(state));
    resume.title = state.trusted
      ? 'Go on from the last checkpoint'
      : 'This workspace is in Restricted Mode: trust it to start a run';
  }
}

interface Control {
  readonly name: ControlAction;
  readonly label: string;
  readonly title: string;
  readonly needs: 'live' | 'resume' | 'host';
}

const CONTROLS: readonly Control[] = [
  {
    name: 'stop',
    label: 'Stop',
    title: 'Save a checkpoint and stop after this step',
    needs: 'live',
  },
  { name: 'resume', label: 'Resume', title: 'Go on from the last checkpoint', needs: 'resume' },
  { name: 'checkpoint', label: 'Checkpoint now', title: 'Save after this step', needs: 'live' },
  { name: 'probe', label: 'Probe now', title: 'Measure the layers after this step', needs: 'live' },
  { name: 'showLog', label: 'Log', title: "Open the engine's log", needs: 'host' },
  { name: 'openConfig', label: 'Open config', title: "Open the run's config", needs: 'host' },
  { name: 'revealFolder', label: 'Run folder', title: "Show the run's folder", needs: 'host' },
];

function make({ name, label, title }: Control, control: (action: ControlAction) => void) {
  const element = button({ label, title, press: () => control(name) });
  element.id = `control-${name}`;
  return element;
}

function factTexts(
  { connection, heard }: DashboardState,
  model: RunModel,
  sinceEventMs: number,
): Record<Fact, string> {
  const { config, backend } = model.manifest;
  const running = model.status === 'running' && connection === 'live' && heard;
  const left = running ? remainingMs(model) : undefined;
  const ran = model.lastEventAt - model.startedAt + (running ? sinceEventMs : 0);
  const accuracy = model.evals.at(-1)?.accuracy;
  const method = METHODS[config.method.name];
  return {
    step: `${formatCount(model.steps.step.at(-1) ?? 0)} / ${formatCount(model.totalSteps)}`,
    elapsed: formatDuration(ran),
    left: left === undefined ? '–' : `≈ ${formatDuration(left)}`,
    metric: accuracy === undefined ? '–' : formatNumber(accuracy),
    loss: formatNumber(model.steps.loss.at(-1) ?? NaN),
    method: `${method.title}, ${config.optimizer.name === 'sgd' ? 'SGD' : 'AdamW'}`,
    rho: method.perturbs ? formatNumber(model.steps.rho.at(-1) ?? config.method.rho) : 'none',
    backend: backend.name,
  };
}
