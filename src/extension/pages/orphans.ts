import * as vscode from 'vscode';
import type { PagePanels } from './page-panels';

/** A panel that is in front is given back at once after a reload; measured: under two seconds. */
const PATIENCE_MS = 4000;

/**
 * After the extension host has crashed, VS Code does not give panels back: they keep their last
 * picture and talk to nobody. One that is in front and was not given back is such an orphan. Hidden
 * ones look the same while they wait for their turn, so they are left alone.
 */
export function noticeOrphans(kinds: readonly PagePanels[]): vscode.Disposable {
  const timer = setTimeout(() => {
    for (const panels of kinds)
      if (orphanTabs(panels).some((tab) => tab.isActive)) void offerReconnect(panels);
  }, PATIENCE_MS);
  return { dispose: () => clearTimeout(timer) };
}

/**
 * Opens the page of a directory anew, in place of the orphaned tab that showed it.
 * @param subject URI of the directory, as an orphaned page names it; else every orphan in front
 */
export async function reconnectPages(panels: PagePanels, subject?: string): Promise<void> {
  const wanted = subject === undefined ? undefined : vscode.Uri.parse(subject).fsPath;
  const reopened: vscode.Tab[] = [];
  for (const tab of orphanTabs(panels)) {
    const directory = panels.remembered(tab.label);
    const meant = wanted === undefined ? tab.isActive : directory === wanted;
    if (!meant || directory === undefined) continue;
    panels.open(directory, tab.group.viewColumn);
    reopened.push(tab);
  }
  if (wanted !== undefined && reopened.length === 0) panels.open(wanted);
  await vscode.window.tabGroups.close(reopened, true);
}

function orphanTabs(panels: PagePanels): vscode.Tab[] {
  const owned = new Set(panels.titles());
  // VS Code puts a prefix of its own before the view type.
  const ours = (input: unknown) =>
    input instanceof vscode.TabInputWebview && input.viewType.endsWith(`-${panels.view}`);
  return vscode.window.tabGroups.all
    .flatMap((group) => group.tabs)
    .filter(({ input, label }) => ours(input) && !owned.has(label));
}

async function offerReconnect(panels: PagePanels): Promise<void> {
  const reconnect = vscode.l10n.t('Reconnect');
  const chosen = await vscode.window.showInformationMessage(
    vscode.l10n.t('A page of Flatscape has lost its connection. The job itself is not affected.'),
    reconnect,
  );
  if (chosen === reconnect) await vscode.commands.executeCommand(panels.reconnectCommand);
}
