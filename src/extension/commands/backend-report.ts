import * as vscode from 'vscode';
import { askBackendReport } from '../../client/backends';
import { backendReportMarkdown } from '../../shared/backend-report';
import { engineLocation } from '../engine-location';
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
