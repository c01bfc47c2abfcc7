import * as vscode from 'vscode';
import { askBackendReport, askInstallBackend } from '../../client/backends';
import { backendReportMarkdown } from '../../shared/backend-report';
import {
  INSTALL_SOURCES,
  NATIVE_BACKENDS,
  NATIVE_NAMES,
  type InstallSource,
  type NativeName,
} from '../../shared/backends';
import { backendsFolder, engineLocation } from '../engine-location';
import { withAbort } from '../preflight/check-run';
import type { Services } from '../services';

const REPORT_URI = vscode.Uri.parse('flatscape-backends:/Backend%20Report.md');

/** Serves the last report to the Markdown preview. */
export class BackendReportDocument
  implements vscode.TextDocumentContentProvider, vscode.Disposable
{
  private readonly changed = new vscode.EventEmitter<vscode.Uri>();
  private readonly registration: vscode.Disposable;
  private text = '';
  readonly onDidChange = this.changed.event;

  constructor() {
    this.registration = vscode.workspace.registerTextDocumentContentProvider(
      REPORT_URI.scheme,
      this,
    );
  }

  provideTextDocumentContent(): string {
    return this.text;
  }

  async show(text: string): Promise<void> {
    this.text = text;
    this.changed.fire(REPORT_URI);
    await vscode.commands.executeCommand('markdown.showPreview', REPORT_URI);
  }

  dispose(): void {
    this.registration.dispose();
    this.changed.dispose();
  }
}

/** Tests the backends in processes of their own and shows what each is good for here. */
export async function showBackendReport(
  services: Services,
  document: BackendReportDocument,
): Promise<string> {
  const title = vscode.l10n.t('Flatscape: testing backends');
  const report = await withAbort(title, (signal, progress) =>
    askBackendReport({
      ...engineLocation(services.context),
      signal,
      onProgress: (message) => progress.report({ message }),
    }),
  );
  const text = backendReportMarkdown(report);
  await document.show(text);
  return text;
}

/** Asks what, from where, and whether; then installs, and shows the report. */
export async function installBackend(
  services: Services,
  document: BackendReportDocument,
): Promise<void> {
  const name = await chooseName();
  const source = name && (await chooseSource());
  if (!name || !source) return;
  const directory = source === 'dir' ? await chooseFolder(name) : undefined;
  if (source === 'dir' && directory === undefined) return;
  if (!(await confirmed(services, name, source))) return;
  const title = vscode.l10n.t('Flatscape: installing {0}', name);
  await withAbort(title, (signal, progress) =>
    askInstallBackend({
      ...engineLocation(services.context),
      ...{ name, source, signal },
      ...(directory !== undefined && { directory }),
      onProgress: (message, fraction) => {
        const share = fraction === undefined ? '' : ` (${Math.round(100 * fraction)} %)`;
        progress.report({ message: `${message}${share}` });
      },
    }),
  );
  await showBackendReport(services, document);
}

async function chooseName(): Promise<NativeName | undefined> {
  const items = [...NATIVE_NAMES].reverse().map((name) => ({
    label: name,
    description: `${NATIVE_BACKENDS[name].package} ${NATIVE_BACKENDS[name].version}`,
  }));
  const placeHolder = vscode.l10n.t('Which native backend?');
  return (await vscode.window.showQuickPick(items, { placeHolder }))?.label;
}

async function chooseSource(): Promise<InstallSource | undefined> {
  const items = (Object.keys(INSTALL_SOURCES) as InstallSource[]).map((source) => ({
    label: source,
    detail: `${INSTALL_SOURCES[source].summary}; ${INSTALL_SOURCES[source].size}`,
  }));
  const placeHolder = vscode.l10n.t('Where from?');
  return (await vscode.window.showQuickPick(items, { placeHolder }))?.label;
}

async function chooseFolder(name: NativeName): Promise<string | undefined> {
  const title = vscode.l10n.t('Folder with {0}', NATIVE_BACKENDS[name].package);
  const options = { canSelectFolders: true, canSelectFiles: false, title };
  return (await vscode.window.showOpenDialog(options))?.[0]?.fsPath;
}

async function confirmed(
  { context }: Services,
  name: NativeName,
  source: InstallSource,
): Promise<boolean> {
  const { summary, size, needs } = INSTALL_SOURCES[source];
  const install = vscode.l10n.t('Install');
  const detail = [
    vscode.l10n.t('Source: {0}', summary),
    vscode.l10n.t('Size: {0}', size),
    vscode.l10n.t('Needs: {0}', needs),
    vscode.l10n.t('Target: {0}', backendsFolder(context)),
  ].join('\n');
  const question = vscode.l10n.t('Install the backend {0}?', name);
  const options = { modal: true, detail };
  return (await vscode.window.showInformationMessage(question, options, install)) === install;
}
