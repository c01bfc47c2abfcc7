import * as vscode from 'vscode';
import { askInstalledBackends, askRemoveBackend } from '../../client/backends';
import type { InstalledBackend } from '../../shared/backend-report';
import { NATIVE_BACKENDS } from '../../shared/backends';
import { backendsFolder, engineLocation } from '../engine-location';
import { withAbort } from '../preflight/check-run';
import type { Services } from '../services';
import { showBackendReport, type BackendReportDocument } from './backend-report';
import { installed } from './install-backend';

/** Installs anew, from where it came, what this version of Flatscape was tested with. */
export async function updateBackend(
  services: Services,
  document: BackendReportDocument,
): Promise<void> {
  const backend = await chooseInstalled(services, vscode.l10n.t('Update which native backend?'));
  if (!backend) return;
  const { name, details } = backend;
  if (details?.current) {
    const text = vscode.l10n.t('{0} is current: {1}.', name, details.library);
    void vscode.window.showInformationMessage(text);
    return;
  }
  const source = details?.source ?? NATIVE_BACKENDS[name].sources[0];
  const directory = source === 'dir' ? details?.packageFolder : undefined;
  const wanted = { name, source, ...(directory !== undefined && { directory }) };
  if (await installed(services, wanted)) await showBackendReport(services, document);
}

/** Removes an installation, after asking, and shows what is left. */
export async function removeBackend(
  services: Services,
  document: BackendReportDocument,
): Promise<void> {
  const backend = await chooseInstalled(services, vscode.l10n.t('Remove which native backend?'));
  if (!backend) return;
  const { name, details } = backend;
  const folder = backendsFolder(services.context);
  const detail =
    details?.source === 'dir'
      ? vscode.l10n.t('{0} forgets it; {1} itself stays.', folder, details.packageFolder)
      : vscode.l10n.t('It is deleted from {0}, and can be installed again.', folder);
  const remove = vscode.l10n.t('Remove');
  const question = vscode.l10n.t('Remove the backend {0}?', name);
  const chosen = await vscode.window.showWarningMessage(question, { modal: true, detail }, remove);
  if (chosen !== remove) return;
  await askRemoveBackend({ ...engineLocation(services.context), name });
  await showBackendReport(services, document);
}

/** The only one that is there, or the one that the user picks; says so when there is none. */
async function chooseInstalled(
  services: Services,
  placeHolder: string,
): Promise<InstalledBackend | undefined> {
  const title = vscode.l10n.t('Flatscape: looking for native backends');
  const all = await withAbort(title, (signal) =>
    askInstalledBackends({ ...engineLocation(services.context), signal }),
  );
  if (all.length === 0) {
    void vscode.window.showInformationMessage(vscode.l10n.t('No native backend is installed.'));
    return undefined;
  }
  if (all.length === 1) return all[0];
  const items = all.map((backend) => ({
    label: backend.name,
    description: backend.details?.library ?? vscode.l10n.t('damaged'),
    backend,
  }));
  return (await vscode.window.showQuickPick(items, { placeHolder }))?.backend;
}
