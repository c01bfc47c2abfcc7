import * as path from 'node:path';
import * as vscode from 'vscode';
import { launchRun } from '../../client/launch';
import { UserError } from '../../shared/errors';
import { isConfigFile } from '../config-files';
import { engineLocation } from '../engine-location';
import { checkRun, confirmRun, withAbort } from '../preflight/check-run';
import type { Services } from '../services';
import { settings } from '../settings';
import { requireTrust } from './require-trust';

/**
 * From a config to a running engine and its dashboard beside the editor.
 * @returns the run directory; undefined where the user said no
 * @throws UserError what is wrong with config, model, data or machine
 */
export async function startRun(
  services: Services,
  config: vscode.Uri,
): Promise<string | undefined> {
  if (!requireTrust()) return undefined;
  if (!(await saveAndCheck(services, config))) return undefined;
  const estimate = await checkRun(services, config.fsPath);
  const name = path.basename(config.fsPath);
  if (settings.confirmBeforeRun() && !(await confirmRun(name, estimate))) return undefined;
  const directory = await withAbort(vscode.l10n.t('Flatscape: starting the run'), (signal) =>
    launchRun({ ...engineLocation(services.context), configFile: config.fsPath, signal }),
  );
  // First the page, which takes a moment to load, then the list of runs.
  services.dashboards.open(directory);
  await services.runs.rescan();
  return directory;
}

/** The config that a command means: its argument, the active editor's, or what the user picks. */
export async function chooseConfig(
  services: Services,
  argument: unknown,
): Promise<vscode.Uri | undefined> {
  if (argument instanceof vscode.Uri) return argument;
  const active = services.configs.active();
  if (active) return active;
  const found = await services.configs.find();
  if (found.length === 0) {
    void offerSample();
    return undefined;
  }
  if (found.length === 1) return found[0];
  const picked = await vscode.window.showQuickPick(
    found.map((uri) => ({ label: vscode.workspace.asRelativePath(uri), uri })),
    { placeHolder: vscode.l10n.t('Choose the config to run') },
  );
  return picked?.uri;
}

/** Saves the text that the user sees and makes sure that it is a config; else shows what is wrong. */
async function saveAndCheck(services: Services, config: vscode.Uri): Promise<boolean> {
  if (config.scheme !== 'file' || !isConfigFile(config))
    throw new UserError({
      code: 'config-not-local',
      message: 'this cannot be run',
      place: { file: config.toString() },
      expected: 'a *.flatscape.yaml or *.flatscape.json file on this machine',
    });
  const document = await vscode.workspace.openTextDocument(config);
  if (document.isDirty && !(await document.save())) return false;
  const [first] = services.diagnostics.check(document);
  if (!first) return true;
  const start = document.positionAt(first.range.start);
  throw new UserError({
    code: 'config-invalid',
    message: first.message,
    place: { file: config.fsPath, line: start.line + 1 },
    remedy: vscode.l10n.t('Correct it and start again.'),
  });
}

async function offerSample(): Promise<void> {
  const open = vscode.l10n.t('Open Sample Project');
  const chosen = await vscode.window.showInformationMessage(
    vscode.l10n.t('This workspace has no *.flatscape.yaml file.'),
    open,
  );
  if (chosen === open) await vscode.commands.executeCommand('flatscape.openSample');
}
