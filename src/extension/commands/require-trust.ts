import * as vscode from 'vscode';

/** True in a trusted workspace; else explains why nothing is started and how to change that. */
export function requireTrust(): boolean {
  if (vscode.workspace.isTrusted) return true;
  void explain();
  return false;
}

async function explain(): Promise<void> {
  const manage = vscode.l10n.t('Manage Workspace Trust');
  const chosen = await vscode.window.showWarningMessage(
    vscode.l10n.t(
      'Flatscape starts runs only in trusted workspaces: a config decides which files are read and written. Looking at configs and runs needs no trust.',
    ),
    manage,
  );
  if (chosen === manage) await vscode.commands.executeCommand('workbench.trust.manage');
}
