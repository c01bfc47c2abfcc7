import * as path from 'node:path';
import * as vscode from 'vscode';
import type * as z from 'zod';
import { describeError, isUserError } from '../../shared/errors';
import type { ExportRequest, Reply } from '../../shared/page-messages';
import { saveExport } from './export-file';
import { pageHtml, pageOptions, type PageKind } from './page-html';
import { PageLink, type LinkMessage, type PageSource } from './page-link';

/** The jobs that pages of one kind show. */
export interface JobStore<Model, Event> {
  connect(directory: string): Promise<PageSource<Model, Event>>;
  /** The connection in use, if there is one; another one after a job was resumed. */
  current(directory: string): PageSource<Model, Event> | undefined;
  readonly onDidChange: vscode.Event<void>;
}

type Common =
  | { type: 'ready'; page: string }
  | { type: 'problem'; message: string }
  | { type: 'docs'; id: number; page: string }
  | ExportRequest;

/** A kind of page that shows a job as it unfolds. `Own`: its requests beside `Common` ones. */
export interface JobPageKind<
  Model,
  Event,
  Snapshot,
  Own extends { type: string; id: number },
> extends PageKind {
  readonly messages: z.ZodType<Common | Own>;
  /** As the page reads it after VS Code has carried it. */
  encode(message: LinkMessage<Event, Snapshot> | Reply): unknown;
  pack(model: Model): Snapshot;
  /** @returns what to tell the user beside "done" */
  answer(request: Own, directory: string): Promise<string | undefined>;
}

export interface PagePanelOptions<
  Model,
  Event,
  Snapshot,
  Own extends { type: string; id: number },
> {
  readonly panel: vscode.WebviewPanel;
  /** Absolute path of the job's directory. */
  readonly directory: string;
  readonly kind: JobPageKind<Model, Event, Snapshot, Own>;
  readonly jobs: JobStore<Model, Event>;
  readonly context: vscode.ExtensionContext;
  readonly log: vscode.LogOutputChannel;
}

/** The page of one job: answers it and keeps it up to date until the tab is closed. */
export class PagePanel<Model, Event, Snapshot, Own extends { type: string; id: number }>
  implements vscode.Disposable
{
  private readonly link: PageLink<Model, Event, Snapshot>;
  private readonly subscriptions: vscode.Disposable[] = [];
  private attached: unknown;
  private disposed = false;

  constructor(private readonly options: PagePanelOptions<Model, Event, Snapshot, Own>) {
    const { panel, directory, context, kind, jobs } = options;
    this.link = new PageLink({
      post: (message) => this.post(message),
      pack: (model) => kind.pack(model),
      isVisible: () => panel.visible,
      isTrusted: () => vscode.workspace.isTrusted,
    });
    this.subscriptions.push(
      panel.webview.onDidReceiveMessage((message: unknown) => void this.receive(message)),
      panel.onDidChangeViewState(() => this.link.visibilityChanged()),
      vscode.workspace.onDidGrantWorkspaceTrust(() => this.link.trustChanged()),
      jobs.onDidChange(() => this.attachCurrent()),
    );
    const extension = context.extensionUri;
    panel.title = path.basename(directory);
    panel.iconPath = vscode.Uri.joinPath(extension, 'media', 'dashboard.svg');
    panel.webview.options = pageOptions(extension, kind);
    const subject = vscode.Uri.file(directory);
    panel.webview.html = pageHtml({ webview: panel.webview, extension, kind, subject });
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
    const { jobs, directory, log } = this.options;
    try {
      await jobs.connect(directory);
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
    const current = this.options.jobs.current(this.options.directory);
    if (!current || current === this.attached) return;
    this.attached = current;
    this.link.attach(current);
  }

  private async receive(raw: unknown): Promise<void> {
    const { log, kind } = this.options;
    const parsed = kind.messages.safeParse(raw);
    if (!parsed.success) return log.error(`${kind.script}: bad message: ${parsed.error.message}`);
    const message = parsed.data as Common | Own;
    if (isReady(message)) return this.link.ready(message.page);
    if (isProblem(message)) return log.error(`${kind.script} page: ${message.message}`);
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
  private post(message: LinkMessage<Event, Snapshot> | Reply): void {
    const { panel, kind } = this.options;
    if (!this.disposed) void panel.webview.postMessage(kind.encode(message));
  }

  private async answer(message: Docs | ExportRequest | Own): Promise<string | undefined> {
    const { kind, directory, context } = this.options;
    if (isDocs(message)) return showDocs(context, message.page);
    if (!isExport(message)) return kind.answer(message, directory);
    const file = await saveExport(message, path.dirname(path.dirname(directory)));
    return file
      ? vscode.l10n.t('Saved {0}', vscode.workspace.asRelativePath(file))
      : vscode.l10n.t('Nothing was saved.');
  }
}

/** @param page below `docs/`, with the heading to go to, if any, behind a `#` */
async function showDocs(context: vscode.ExtensionContext, page: string): Promise<undefined> {
  const [file = '', fragment = ''] = page.split('#');
  const uri = vscode.Uri.joinPath(context.extensionUri, 'docs', file).with({ fragment });
  await vscode.commands.executeCommand('markdown.showPreviewToSide', uri);
}

type Docs = Extract<Common, { type: 'docs' }>;

const isReady = (m: { type: string }): m is Extract<Common, { type: 'ready' }> =>
  m.type === 'ready';
const isProblem = (m: { type: string }): m is Extract<Common, { type: 'problem' }> =>
  m.type === 'problem';
const isDocs = (m: { type: string }): m is Docs => m.type === 'docs';
const isExport = (m: { type: string }): m is ExportRequest => m.type === 'export';
