import * as vscode from 'vscode';
import { askInstallBackend } from '../../client/backends';
import {
  INSTALL_SOURCES,
  NATIVE_BACKENDS,
  NATIVE_NAMES,
  type InstallSource,
  type NativeName,
} from '../../shared/backends';
import { backendsFolder, engineLocation } from '../engine-location';
import { isCancellation } from '../notify';
import { withAbort } from '../preflight/check-run';
import type { Services } from '../services';
import { showBackendReport, type BackendReportDocument } from './backend-report';

/** Asks what, from where, and whether; then installs, and shows the report. */
export async function installBackend(
  services: Services,
  document: BackendReportDocument,
): Promise<void> {
  const name = await chooseName();
  const source = name && (await chooseSource(name));
  if (!name || !source) return;
  const directory = source === 'dir' ? await chooseFolder(name) : undefined;
  if (source === 'dir' && directory === undefined) return;
  const what = { name, source, ...(directory !== undefined && { directory }) };
  if (await installed(services, what)) await showBackendReport(services, document);
}

export interface Wanted {
  readonly name: NativeName;
  readonly source: InstallSource;
  /** With the source `dir`. */
  readonly directory?: string;
}

/**
 * Says what would be installed and asks; then installs, with progress and a way to cancel.
 * @returns false when the user did not want it, or no longer
 * @throws UserError of the installation
 */
export async function installed(services: Services, wanted: Wanted): Promise<boolean> {
  if (!(await confirmed(services, wanted))) return false;
  const title = vscode.l10n.t('Flatscape: installing {0}', wanted.name);
  try {
    await withAbort(title, (signal, progress) =>
      askInstallBackend({
        ...engineLocation(services.context),
        ...wanted,
        signal,
        onProgress: (message, fraction) => {
          const share = fraction === undefined ? '' : ` (${Math.round(100 * fraction)} %)`;
          progress.report({ message: `${message}${share}` });
        },
      }),
    );
    return true;
  } catch (error) {
    if (!isCancellation(error)) throw error;
    const text = vscode.l10n.t(
      'Cancelled. What was finished of {0} is kept for the next try.',
      wanted.name,
    );
    void vscode.window.showInformationMessage(text);
    return false;
  }
}

async function chooseName(): Promise<NativeName | undefined> {
  const items = [...NATIVE_NAMES].reverse().map((name) => ({
    label: name,
    description: `${NATIVE_BACKENDS[name].package} ${NATIVE_BACKENDS[name].version}`,
  }));
  const placeHolder = vscode.l10n.t('Which native backend?');
  return (await vscode.window.showQuickPick(items, { placeHolder }))?.label;
}

async function chooseSource(name: NativeName): Promise<InstallSource | undefined> {
  const items = NATIVE_BACKENDS[name].sources.map((source) => ({
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

async function confirmed({ context }: Services, wanted: Wanted): Promise<boolean> {
  const { name, source, directory } = wanted;
  const { summary, size, needs } = INSTALL_SOURCES[source];
  const install = vscode.l10n.t('Install');
  const detail = [
    vscode.l10n.t('Source: {0}', directory ?? summary),
    vscode.l10n.t('Size: {0}', size),
    vscode.l10n.t('Needs: {0}', needs),
    vscode.l10n.t('Target: {0}', backendsFolder(context)),
  ].join('\n');
  const question = vscode.l10n.t('Install the backend {0}?', name);
  const options = { modal: true, detail };
  return (await vscode.window.showInformationMessage(question, options, install)) === install;
}
