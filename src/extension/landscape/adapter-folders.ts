import * as path from 'node:path';
import * as vscode from 'vscode';

const PATTERN = '**/adapter_config.json';
const EXCLUDED = '**/node_modules/**';
/** More adapters than these in one workspace are inspected by their files. */
const MOST = 500;
const SETTLE_MS = 500;

/**
 * Tells VS Code which folders of the workspace hold a PEFT adapter: a menu's condition can compare
 * paths, and cannot look into a folder.
 */
export function watchAdapterFolders(): vscode.Disposable {
  let timer: NodeJS.Timeout | undefined;
  const later = () => {
    clearTimeout(timer);
    timer = setTimeout(() => void announce(), SETTLE_MS);
  };
  const watcher = vscode.workspace.createFileSystemWatcher(PATTERN, false, true, false);
  watcher.onDidCreate(later);
  watcher.onDidDelete(later);
  later();
  return vscode.Disposable.from(watcher, { dispose: () => clearTimeout(timer) });
}

async function announce(): Promise<void> {
  const found = await vscode.workspace.findFiles(PATTERN, EXCLUDED, MOST);
  const folders = found.map(({ fsPath }) => path.dirname(fsPath));
  await vscode.commands.executeCommand('setContext', 'flatscape.adapterFolders', folders);
}
