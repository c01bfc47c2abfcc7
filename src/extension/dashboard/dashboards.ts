import * as vscode from 'vscode';
import { readManifest } from '../../client/run-store';
import { describeError, isUserError } from '../../shared/errors';
import { pageStateSchema } from '../../shared/messages';
import type { RunRegistry } from '../run-registry';
import { pageOptions } from './page-html';
import { DashboardPanel } from './panel';

export const DASHBOARD_VIEW = 'flatscape.dashboard';
const OPENED_KEY = 'flatscape.openedDashboards';

interface DashboardsOptions {
  readonly context: vscode.ExtensionContext;
  readonly runs: RunRegistry;
  readonly log: vscode.LogOutputChannel;
}

/** One panel per run, opened by a command or given back by VS Code after a reload. */
export class Dashboards implements vscode.WebviewPanelSerializer, vscode.Disposable {
  private readonly panels = new Map<string, DashboardPanel>();
  private readonly serializer: vscode.Disposable;

  constructor(private readonly options: DashboardsOptions) {
    this.serializer = vscode.window.registerWebviewPanelSerializer(DASHBOARD_VIEW, this);
  }

  /** @param directory absolute path of a run directory */
  open(directory: string, column = vscode.ViewColumn.Beside): void {
    const existing = this.panels.get(directory);
    if (existing) return existing.reveal();
    const panel = vscode.window.createWebviewPanel(
      DASHBOARD_VIEW,
      'Flatscape',
      { viewColumn: column, preserveFocus: column === vscode.ViewColumn.Beside },
      pageOptions(this.options.context.extensionUri),
    );
    this.adopt(panel, directory);
  }

  /** VS Code gives a panel back with what its page had kept, which anybody may have written. */
  async deserializeWebviewPanel(panel: vscode.WebviewPanel, state: unknown): Promise<void> {
    const directory = runOf(state);
    try {
      if (directory === undefined)
        return this.giveUp(panel, vscode.l10n.t('it does not say which run it showed'));
      await readManifest(directory);
    } catch (error) {
      if (!isUserError(error)) this.options.log.error(String(error));
      return this.giveUp(panel, isUserError(error) ? describeError(error) : String(error));
    }
    const other = this.panels.get(directory);
    if (other) return panel.dispose();
    this.adopt(panel, directory);
  }

  /** Titles of the tabs that talk to this host. */
  titles(): readonly string[] {
    return [...this.panels.values()].map(({ title }) => title);
  }

  /** The run of the dashboard that is in front, if one is. */
  active(): string | undefined {
    return [...this.panels.values()].find((panel) => panel.isActive)?.directory;
  }

  /** Run directory of a tab that an earlier host had opened under this title. */
  rememberedRun(title: string): string | undefined {
    return this.remembered()[title];
  }

  dispose(): void {
    this.serializer.dispose();
    // The tabs stay: VS Code gives them back to the next host.
    for (const panel of this.panels.values()) panel.dispose();
  }

  private adopt(panel: vscode.WebviewPanel, directory: string): void {
    const dashboard = new DashboardPanel({ ...this.options, panel, directory });
    this.panels.set(directory, dashboard);
    panel.onDidDispose(() => {
      dashboard.dispose();
      if (this.panels.get(directory) === dashboard) this.panels.delete(directory);
    });
    void vscode.commands.executeCommand('setContext', 'flatscape.dashboardSeen', true);
    const remembered = Object.entries(this.remembered()).slice(-50);
    const all = { ...Object.fromEntries(remembered), [dashboard.title]: directory };
    void this.options.context.workspaceState.update(OPENED_KEY, all);
  }

  private giveUp(panel: vscode.WebviewPanel, reason: string): void {
    panel.dispose();
    void vscode.window.showWarningMessage(
      vscode.l10n.t('A dashboard could not be restored: {0}', reason),
    );
  }

  private remembered(): Record<string, string> {
    return this.options.context.workspaceState.get<Record<string, string>>(OPENED_KEY, {});
  }
}

function runOf(state: unknown): string | undefined {
  const parsed = pageStateSchema.safeParse(state);
  if (!parsed.success) return undefined;
  const uri = vscode.Uri.parse(parsed.data.run);
  return uri.scheme === 'file' ? uri.fsPath : undefined;
}
