import * as path from 'node:path';
import * as vscode from 'vscode';
import { describeError, isUserError } from '../../shared/errors';
import {
  encodeHostMessage,
  pageMessageSchema,
  type HostMessage,
  type PageMessage,
} from '../../shared/messages';
import type { RunRegistry } from '../run-registry';
import { saveExport } from './export-file';
import { pageHtml, pageOptions } from './page-html';
import { PageLink } from './page-link';

export interface PanelOptions {
  readonly panel: vscode.WebviewPanel;
  /** Absolute path of the run directory. */
  readonly directory: string;
  readonly context: vscode.ExtensionContext;
  readonly runs: RunRegistry;
  readonly log: vscode.LogOutputChannel;
}

type Request = Exclude<PageMessage, { type: 'ready' | 'problem' }>;
type Control = Extract<PageMessage, { type: 'control' }>['action'];

/** What a page's button does, where a command does the same. */
const COMMANDS: Partial<Record<Control, string>> = {
  resume: 'flatscape.resumeRun',
  showLog: 'flatscape.showLog',
  openConfig: 'flatscape.openConfig',
  revealFolder: 'flatscape.revealRun',
};

/** The dashboard of one run: answers its page and keeps it up to date until the tab is closed. */
export class DashboardPanel implements vscode.Disposable {
  private readonly link: PageLink;
  private readonly subscriptions: vscode.Disposable[] = [];
  private attached: unknown;
  private disposed = false;

  constructor(private readonly options: PanelOptions) {
    const { panel, directory, context, runs } = options;
    this.link = new PageLink({
      post: (message) => this.post(message),
      isVisible: () => panel.visible,
      isTrusted: () => vscode.workspace.isTrusted,
    });
    this.subscriptions.push(
      panel.webview.onDidReceiveMessage((message: unknown) => void this.receive(message)),
      panel.onDidChangeViewState(() => this.link.visibilityChanged()),
      vscode.workspace.onDidGrantWorkspaceTrust(() => this.link.trustChanged()),
      runs.onDidChange(() => this.attachCurrent()),
    );
    panel.title = path.basename(directory);
    panel.iconPath = vscode.Uri.joinPath(context.extensionUri, 'media', 'dashboard.svg');
    panel.webview.options = pageOptions(context.extensionUri);
    panel.webview.html = pageHtml(panel.webview, context.extensionUri, vscode.Uri.file(directory));
    void this.connect();
  }

  get directory(): string {
    return this.options.directory;
  }

  get title(): string {
    return this.options.panel.title;
  }

  get isActive(): boolean {
    return this.options.panel.active;
  }

  reveal(column?: vscode.ViewColumn): void {
    this.options.panel.reveal(column);
  }

  dispose(): void {
    this.disposed = true;
    this.link.dispose();
    for (const subscription of this.subscriptions) subscription.dispose();
  }

  private async connect(): Promise<void> {
    const { runs, directory, log } = this.options;
    try {
      await runs.connect(directory);
      this.attachCurrent();
    } catch (error) {
      log.warn(String(error));
      if (!isUserError(error))
        return this.link.fail(error instanceof Error ? error.message : String(error));
      const { remedy, ...fields } = error.toJSON();
      this.link.fail(describeError(fields).replace(/\.$/, ''), remedy);
    }
  }

  private attachCurrent(): void {
    const current = this.options.runs.current(this.options.directory);
    if (!current || current === this.attached) return;
    this.attached = current;
    this.link.attach(current);
  }

  private async receive(raw: unknown): Promise<void> {
    const { log } = this.options;
    const parsed = pageMessageSchema.safeParse(raw);
    if (!parsed.success) return log.error(`dashboard: bad message: ${parsed.error.message}`);
    const message = parsed.data;
    if (message.type === 'ready') return this.link.ready(message.page);
    if (message.type === 'problem') return log.error(`dashboard page: ${message.message}`);
    const { id } = message;
    try {
      const note = await this.answer(message);
      this.post({ type: 'reply', id, ok: true, ...(note !== undefined && { message: note }) });
    } catch (error) {
      log.warn(String(error));
      const text = isUserError(error) ? describeError(error) : String(error);
      this.post({ type: 'reply', id, ok: false, message: text });
    }
  }

  /** A closed tab has nobody to hear an answer that took its time. */
  private post(message: HostMessage): void {
    if (!this.disposed) void this.options.panel.webview.postMessage(encodeHostMessage(message));
  }

  /** @returns what to tell the user beside "done" */
  private async answer(message: Request): Promise<string | undefined> {
    const { directory } = this.options;
    switch (message.type) {
      case 'copy':
        await vscode.env.clipboard.writeText(message.text);
        return undefined;
      case 'docs':
        await vscode.commands.executeCommand(
          'markdown.showPreviewToSide',
          vscode.Uri.joinPath(this.options.context.extensionUri, 'docs', message.page),
        );
        return undefined;
      case 'export': {
        const file = await saveExport(message, path.dirname(path.dirname(directory)));
        return file
          ? vscode.l10n.t('Saved {0}', vscode.workspace.asRelativePath(file))
          : vscode.l10n.t('Nothing was saved.');
      }
      case 'control':
        return this.control(message.action);
    }
  }

  private async control(action: Control): Promise<undefined> {
    const { runs, directory } = this.options;
    if (action === 'stop' || action === 'checkpoint' || action === 'probe') {
      const connection = await runs.connect(directory);
      return void (await connection.request(action));
    }
    const command = COMMANDS[action];
    // Not awaited: it may ask the user, and it reports its own failures.
    if (command) void vscode.commands.executeCommand(command, directory);
  }
}
