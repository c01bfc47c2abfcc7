import * as vscode from 'vscode';
import { progressText } from '../headline';
import type { KnownRun, RunRegistry } from '../run-registry';

/** One short item while a run is live; a click leads to its dashboard. */
export function registerStatusBar(runs: RunRegistry): vscode.Disposable {
  const item = vscode.window.createStatusBarItem(
    'flatscape.status',
    vscode.StatusBarAlignment.Left,
  );
  item.name = 'Flatscape';
  let hadLive = false;
  const update = () => {
    const live = runs.live();
    show(item, live);
    if (live.length > 0 === hadLive) return;
    hadLive = live.length > 0;
    // For the palette: what can be done to a live run.
    void vscode.commands.executeCommand('setContext', 'flatscape.hasLive', hadLive);
  };
  return vscode.Disposable.from(item, runs.onDidChange(update), runs.onDidProgress(update));
}

function show(item: vscode.StatusBarItem, live: readonly KnownRun[]): void {
  const [first] = live;
  if (!first?.manifest || !first.model) return item.hide();
  const { manifest, model } = first;
  const one = `${progressText(model)} · ${manifest.backend.name}`;
  item.text = `$(sync~spin) ${live.length > 1 ? vscode.l10n.t('{0} runs', live.length) : one}`;
  item.tooltip = live
    .map(
      (run) =>
        `${run.manifest?.id}: ${run.model ? `${run.model.phase}, ${progressText(run.model)}` : ''}`,
    )
    .join('\n');
  item.accessibilityInformation = {
    label: vscode.l10n.t('Flatscape run {0}, step {1}', manifest.id, progressText(model)),
  };
  item.command = {
    command: 'flatscape.openDashboard',
    title: vscode.l10n.t('Open Dashboard'),
    arguments: [first.directory],
  };
  item.show();
}
