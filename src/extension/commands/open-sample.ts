import * as vscode from 'vscode';
import { UserError } from '../../shared/errors';

const SAMPLE = 'glosses';

/** Copies the sample project to a folder that the user picks, and opens it. */
export async function openSample(context: vscode.ExtensionContext): Promise<void> {
  const picked = await vscode.window.showOpenDialog({
    canSelectFiles: false,
    canSelectFolders: true,
    openLabel: vscode.l10n.t('Copy Sample Here'),
    title: vscode.l10n.t('Folder for the sample project'),
  });
  if (!picked?.[0]) return;
  const target = await copySample(context.extensionUri, picked[0]);
  await vscode.commands.executeCommand('vscode.openFolder', target);
}

/**
 * @param parent folder in which the sample gets a folder of its own
 * @returns the new folder; nothing that exists is overwritten
 * @throws UserError `sample-missing` from a package without it
 */
export async function copySample(extension: vscode.Uri, parent: vscode.Uri): Promise<vscode.Uri> {
  const source = vscode.Uri.joinPath(extension, 'samples', SAMPLE);
  if (!(await exists(source)))
    throw new UserError({
      code: 'sample-missing',
      message: 'this installation does not hold the sample project',
      place: { file: source.fsPath },
      remedy: vscode.l10n.t('Install the extension again.'),
    });
  let target = vscode.Uri.joinPath(parent, `flatscape-${SAMPLE}`);
  for (let n = 2; await exists(target); n++)
    target = vscode.Uri.joinPath(parent, `flatscape-${SAMPLE}-${n}`);
  await vscode.workspace.fs.createDirectory(target);
  for (const [name] of await vscode.workspace.fs.readDirectory(source)) {
    // Runs of whoever tried the sample where it lies.
    if (name === '.flatscape') continue;
    const [from, to] = [source, target].map((base) => vscode.Uri.joinPath(base, name));
    if (from && to) await vscode.workspace.fs.copy(from, to);
  }
  return target;
}

async function exists(uri: vscode.Uri): Promise<boolean> {
  return vscode.workspace.fs.stat(uri).then(
    () => true,
    () => false,
  );
}
