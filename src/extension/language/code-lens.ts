import * as vscode from 'vscode';
import { age, headline } from '../headline';
import type { KnownRun, RunRegistry } from '../run-registry';
import { hasLayers } from '../layers/layer-values';
import { settings } from '../settings';

/** At the top of a config: run it, open its dashboard, and how its last run went. */
export class ConfigCodeLenses implements vscode.CodeLensProvider, vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<void>();
  private readonly subscriptions: vscode.Disposable[];
  readonly onDidChangeCodeLenses = this.changed.event;

  constructor(private readonly runs: RunRegistry) {
    this.subscriptions = [
      runs.onDidChange(() => this.changed.fire()),
      vscode.workspace.onDidChangeConfiguration((event) => {
        if (event.affectsConfiguration('flatscape.codeLens')) this.changed.fire();
      }),
    ];
  }

  provideCodeLenses(document: vscode.TextDocument): vscode.CodeLens[] {
    if (!settings.codeLens() || document.uri.scheme !== 'file') return [];
    const top = new vscode.Range(0, 0, 0, 0);
    const [last] = this.runs.ofConfig(document.uri);
    const run: vscode.Command = {
      command: 'flatscape.startRun',
      title: vscode.l10n.t('$(play) Run'),
      tooltip: vscode.l10n.t('Check what the run needs, ask, and start it'),
      arguments: [document.uri],
    };
    return [run, ...(last ? commandsOf(last) : [])].map(
      (command) => new vscode.CodeLens(top, command),
    );
  }

  dispose(): void {
    for (const subscription of this.subscriptions) subscription.dispose();
    this.changed.dispose();
  }
}

function commandsOf(run: KnownRun): vscode.Command[] {
  const to = { command: 'flatscape.openDashboard', arguments: [run.directory] };
  const stop = {
    command: 'flatscape.stopRun',
    title: vscode.l10n.t('$(debug-stop) Stop'),
    arguments: [run.directory],
  };
  const inspect = {
    command: 'flatscape.inspectLayers',
    title: vscode.l10n.t('$(list-ordered) Inspect layers'),
    tooltip: vscode.l10n.t('What was last measured of every module, one line each'),
    arguments: [run.directory],
  };
  return [
    ...(run.state === 'live' ? [stop] : []),
    { ...to, title: vscode.l10n.t('$(graph) Open dashboard') },
    ...(hasLayers(run) ? [inspect] : []),
    { ...to, title: lastRun(run), tooltip: run.directory },
  ];
}

/** `completed: accuracy 0.912, 3 hr. ago` */
function lastRun({ model, manifest }: KnownRun): string {
  if (!model || !manifest) return vscode.l10n.t('last run cannot be read');
  const time = age(manifest.createdAt, Date.now(), vscode.env.language);
  return [`${model.status}: ${headline(model) ?? model.phase}`, time].join(', ');
}
