import * as vscode from 'vscode';

/** Writers write, flush and rename: one reading for all of it. */
const QUIET_MS = 400;

/**
 * Calls back once the files that an editor shows have changed and then been left alone for a
 * moment: the checkpoint, its other shards, index and configuration, which lie in one folder.
 */
export function watchCheckpoint(uri: vscode.Uri, changed: () => void): vscode.Disposable {
  const folder = vscode.Uri.joinPath(uri, '..');
  const name = uri.path.slice(uri.path.lastIndexOf('/') + 1);
  const isSharded = /-\d{5}-of-\d{5}\.safetensors$|\.index\.json$/.test(name);
  const stem = name.replace(/(-\d{5}-of-\d{5})?\.safetensors(\.index\.json)?$/, '');
  const concerns = (other: string) =>
    other === name ||
    other === 'adapter_config.json' ||
    (isSharded && other.startsWith(stem) && /\.safetensors(\.index\.json)?$/.test(other));
  let timer: NodeJS.Timeout | undefined;
  const notice = (file: vscode.Uri) => {
    if (!concerns(file.path.slice(file.path.lastIndexOf('/') + 1))) return;
    clearTimeout(timer);
    timer = setTimeout(changed, QUIET_MS);
  };
  const watcher = vscode.workspace.createFileSystemWatcher(
    new vscode.RelativePattern(folder, '*.{safetensors,json}'),
  );
  return vscode.Disposable.from(
    watcher,
    watcher.onDidCreate(notice),
    watcher.onDidChange(notice),
    watcher.onDidDelete(notice),
    { dispose: () => clearTimeout(timer) },
  );
}
