import * as vscode from 'vscode';
import { describeError, isUserError } from '../../shared/errors';
import { pageOptions, type PageKind } from './page-html';

/** A tab that shows a directory. */
export interface OpenPanel extends vscode.Disposable {
  readonly directory: string;
  readonly title: string;
  readonly isActive: boolean;
  reveal(): void;
}

export interface PagePanelsOptions {
  readonly context: vscode.ExtensionContext;
  readonly log: vscode.LogOutputChannel;
  readonly kind: PageKind;
  /** View type of the tabs. */
  readonly view: string;
  /** Context key that is set once such a page has been seen, where something waits for it. */
  readonly seen?: () => void;
  create(panel: vscode.WebviewPanel, directory: string): OpenPanel;
  /** @throws what is wrong with a directory that is to be shown again */
  check(directory: string): Promise<unknown>;
  /** Directory that a page had kept, which anybody may have written. */
  restore(state: unknown): string | undefined;
}

/** One panel per directory, opened by a command or given back by VS Code after a reload. */
export class PagePanels implements vscode.WebviewPanelSerializer, vscode.Disposable {
  private readonly panels = new Map<string, OpenPanel>();
  private readonly serializer: vscode.Disposable;

  constructor(private readonly options: PagePanelsOptions) {
    this.serializer = vscode.window.registerWebviewPanelSerializer(options.view, this);
  }

  get view(): string {
    return this.options.view;
  }

  get reconnectCommand(): string {
    return this.options.kind.reconnectCommand;
  }

  /** @param directory absolute path */
  open(directory: string, column = vscode.ViewColumn.Beside): void {
    const existing = this.panels.get(directory);
    if (existing) return existing.reveal();
    const panel = vscode.window.createWebviewPanel(
      this.options.view,
      'Flatscape',
      { viewColumn: column, preserveFocus: column === vscode.ViewColumn.Beside },
      pageOptions(this.options.context.extensionUri, this.options.kind),
    );
    this.adopt(panel, directory);
  }

  /** VS Code gives a panel back with what its page had kept. */
  async deserializeWebviewPanel(panel: vscode.WebviewPanel, state: unknown): Promise<void> {
    const directory = this.options.restore(state);
    try {
      if (directory === undefined)
        return this.giveUp(panel, vscode.l10n.t('it does not say what it showed'));
      await this.options.check(directory);
    } catch (error) {
      if (!isUserError(error)) this.options.log.error(String(error));
      return this.giveUp(panel, isUserError(error) ? describeError(error) : String(error));
    }
    if (this.panels.has(directory)) return panel.dispose();
    this.adopt(panel, directory);
  }

  /** Titles of the tabs that talk to this host. */
  titles(): readonly string[] {
    return [...this.panels.values()].map(({ title }) => title);
  }

  /** What the tab shows that is in front, if one is. */
  active(): string | undefined {
    return [...this.panels.values()].find((panel) => panel.isActive)?.directory;
  }

  /** Directory of a tab that an earlier host had opened under this title. */
  remembered(title: string): string | undefined {
    return this.allRemembered()[title];
  }

  dispose(): void {
    this.serializer.dispose();
    // The tabs stay: VS Code gives them back to the next host.
    for (const panel of this.panels.values()) panel.dispose();
  }

  private adopt(panel: vscode.WebviewPanel, directory: string): void {
    const page = this.options.create(panel, directory);
    this.panels.set(directory, page);
    panel.onDidDispose(() => {
      page.dispose();
      if (this.panels.get(directory) === page) this.panels.delete(directory);
    });
    this.options.seen?.();
    const remembered = Object.entries(this.allRemembered()).slice(-50);
    const all = { ...Object.fromEntries(remembered), [page.title]: directory };
    void this.options.context.workspaceState.update(this.memoryKey, all);
  }

  private giveUp(panel: vscode.WebviewPanel, reason: string): void {
    panel.dispose();
    void vscode.window.showWarningMessage(
      vscode.l10n.t('A page of Flatscape could not be restored: {0}', reason),
    );
  }

  private allRemembered(): Record<string, string> {
    return this.options.context.workspaceState.get<Record<string, string>>(this.memoryKey, {});
  }

  private get memoryKey(): string {
    return `${this.options.view}.opened`;
  }
}

/** The directory that a page names by its URI; pages show what is on this machine. */
export function localPath(uri: string): string | undefined {
  const parsed = vscode.Uri.parse(uri);
  return parsed.scheme === 'file' ? parsed.fsPath : undefined;
}
