import { METHODS } from '../../src/shared/methods';
import type { PageMessage } from '../../src/shared/messages';
import type { RunModel } from '../../src/shared/run-model';
import { setText } from '../components/h';
import { button, setPrimary } from '../components/toolkit';
import { remainingMs } from '../data/estimate';
import { formatCount, formatDuration, formatNumber } from '../data/format';
import { PageHeader, type ControlButton } from '../page/page-header';
import type { DashboardState } from './state';
import { canControl, canResume, statusLine } from './status';

export type ControlAction = Extract<PageMessage, { type: 'control' }>['action'];

export interface HeaderOptions {
  /** Absent in a report, which controls nothing. */
  readonly control?: (action: ControlAction) => void;
  readonly toggleTables: () => void;
  readonly toggleAxis: () => void;
}

const FACT_NAMES = {
  step: 'Step',
  elapsed: 'Elapsed',
  left: 'Left (estimate)',
  metric: 'Accuracy',
  loss: 'Loss',
  method: 'Method',
  rho: 'ρ now',
  backend: 'Backend',
} as const;
type Fact = keyof typeof FACT_NAMES;

/** The run's name, status and progress, what matters of it in numbers, and its controls. */
export class Header {
  readonly #header: PageHeader<Fact, ControlAction>;
  readonly #tables: HTMLElement;
  readonly #axis: HTMLElement;

  constructor(root: HTMLElement, { control, toggleTables, toggleAxis }: HeaderOptions) {
    this.#tables = button({ label: 'Show tables', press: toggleTables });
    this.#axis = button({ label: 'Axis: steps', press: toggleAxis });
    this.#header = new PageHeader(root, {
      title: 'Flatscape run',
      progressLabel: 'Steps taken',
      factNames: FACT_NAMES,
      controls: CONTROLS,
      ...(control && { control }),
      toggles: [this.#axis, this.#tables],
    });
  }

  /** @param sinceEventMs time since the newest event arrived, to let the clock run on */
  update(state: DashboardState, sinceEventMs: number): void {
    const { model, view } = state;
    this.#header.setStatus(statusLine(state));
    setText(this.#tables, view.table ? 'Show charts' : 'Show tables');
    setText(this.#axis, view.xAxis === 'step' ? 'Axis: steps' : 'Axis: time');
    this.#setControls(state);
    if (!model) return;
    this.#header.setTitle(model.manifest.name, model.manifest.id);
    const taken = model.steps.step.at(-1) ?? 0;
    this.#header.setProgress(model.totalSteps > 0 ? taken / model.totalSteps : 0);
    this.#header.setFacts(factTexts(state, model, sinceEventMs));
  }

  #setControls(state: DashboardState): void {
    const live = canControl(state);
    for (const { name, needs } of CONTROLS)
      this.#header.setEnabled(
        name,
        needs === 'live' ? live : needs === 'resume' ? canResume(state) : state.heard,
      );
    const resume = this.#header.controls.get('resume');
    if (!resume) return;
    setPrimary(resume, canResume(state));
    resume.title = state.trusted
      ? 'Go on from the last checkpoint'
      : 'This workspace is in Restricted Mode: trust it to start a run';
  }
}

interface Control extends ControlButton<ControlAction> {
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
