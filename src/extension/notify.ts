import * as vscode from 'vscode';
import { describeError, isUserError } from '../shared/errors';
import type { Services } from './services';

/**
 * Tells the user of a failure. A `UserError` says what to do and, where it names a key of a config,
 * marks it there; anything else is our bug and leads to the log. Does not wait for an answer.
 */
export function showError(error: unknown, services: Services, config?: vscode.Uri): void {
  if (isCancellation(error)) return;
  const { log, diagnostics } = services;
  if (!isUserError(error)) {
    log.error(error instanceof Error ? error : String(error));
    const text = error instanceof Error ? error.message : String(error);
    void offer(vscode.l10n.t('Internal error: {0}', text), [showLog(services)]);
    return;
  }
  log.warn(describeError(error));
  const file = config ?? configNamedBy(error.place?.file);
  const marked = file && diagnostics.addRunProblem(file, error);
  const open = file ? [openConfig(file, marked)] : [];
  void offer(describeError(error), [...open, showLog(services)]);
}

/** True for what a user's own Cancel throws. */
export function isCancellation(error: unknown): boolean {
  if (error instanceof vscode.CancellationError) return true;
  return error instanceof Error && (error.name === 'AbortError' || error.name === 'Canceled');
}

interface Offer {
  readonly title: string;
  run(): unknown;
}

async function offer(message: string, offers: readonly Offer[]): Promise<void> {
  const titles = offers.map(({ title }) => title);
  const chosen = await vscode.window.showErrorMessage(message, ...titles);
  await offers.find(({ title }) => title === chosen)?.run();
}

function showLog({ log }: Services): Offer {
  return { title: vscode.l10n.t('Show Log'), run: () => log.show() };
}

function openConfig(uri: vscode.Uri, selection: vscode.Range | undefined): Offer {
  return {
    title: vscode.l10n.t('Open Config'),
    run: () => vscode.window.showTextDocument(uri, selection ? { selection } : {}),
  };
}

function configNamedBy(file: string | undefined): vscode.Uri | undefined {
  return file && /\.flatscape\.(ya?ml|json)$/i.test(file) ? vscode.Uri.file(file) : undefined;
}
