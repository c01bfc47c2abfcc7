import * as vscode from 'vscode';
import type { Services } from '../services';
import { DASHBOARD_VIEW } from './dashboards';

/** A panel that is in front is given back at once after a reload; measured: under two seconds. */
const PATIENCE_MS = 4000;

/**
 * After the extension host has crashed, VS Code does not give panels back: they keep their last
 * picture and talk to nobody. One that is in front and was not given back is such an orphan. Hidden
 * ones look the same while they wait for their turn, so they are left alone.
 */
export function noticeOrphans(services: Services): void {
  const timer = setTimeout(() => {
    if (orphanTabs(services).some((tab) => tab.isActive)) void offerReconnect();
  }, PATIENCE_MS);
  services.context.subscriptions.push({ dispose: () => clearTimeout(timer) });
}

/**
 * Opens the dashboard of a run anew, in place of the orphaned tab that showed it.
 * @param run URI of the run directory, as an orphaned page names it; else every orphan in front
 */
export async function reconnectDashboards(services: Services, run?: string): Promise<void> {
  const wanted = run === undefined ? undefined : vscode.Uri.parse(run).fsPath;
  const { dashboards } = services;
  const reopened: vscode.Tab[] = [];
  for (const tab of orphanTabs(services)) {
    const directory = dashboards.rememberedRun(tab.label);
    const meant = wanted === undefined ? tab.isActive : directory === wanted;
    if (!meant || directory === undefined) continue;
    dashboards.open(directory, tab.group.viewColumn);
    reopened.push(tab);
  }
  if (wanted !== undefined && reopened.length === 0) dashboards.open(wanted);
  await vscode.window.tabGroups.close(reopened, true);
}

function orphanTabs({ dashboards }: Services): vscode.Tab[] {
  const owned = new Set(dashboards.titles());
  return vscode.window.tabGroups.all
    .flatMap((group) => group.tabs)
    .filter(({ input, label }) => isDashboard(input) && !owned.has(label));
}

function isDashboard(input: unknown): boolean {
  // VS Code puts a prefix of its own before the view type.
  return input instanceof vscode.TabInputWebview && input.viewType.endsWith(`-${DASHBOARD_VIEW}`);
}

async function offerReconnect(): Promise<void> {
  const reconnect = vscode.l10n.t('Reconnect');
  const chosen = await vscode.window.showInformationMessage(
    vscode.l10n.t('A dashboard has lost its connection. The run itself is not affected.'),
    reconnect,
  );
  if (chosen === reconnect) await vscode.commands.executeCommand('flatscape.reconnectDashboard');
}
