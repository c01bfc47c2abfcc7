import * as vscode from 'vscode';
import { rangeOf } from '../../shared/config/locate';
import type { Config } from '../../shared/config/schema';
import type { EditorProblem } from './editor-problem';

/** Files and folders that a config names and that are not there. */
export async function missingFiles(
  document: vscode.TextDocument,
  config: Config,
): Promise<EditorProblem[]> {
  const named: [path: string[], value: string | undefined][] = [
    ['model.name_or_path', isLocalModel(config) ? config.model.name_or_path : undefined],
    ['task.train', config.task.train],
    ['task.eval', config.task.eval],
    ['adapter.init_from', config.adapter.init_from],
  ].map(([name, value]) => [String(name).split('.'), value]);
  const problems = named.map(async ([path, value]): Promise<EditorProblem[]> => {
    if (value === undefined || (await exists(locationOf(document.uri, value)))) return [];
    const range = rangeOf(document.getText(), document.fileName, path)?.value;
    const message = vscode.l10n.t('`{0}`: there is no {1}', path.join('.'), value);
    return range ? [{ code: 'missing-file', message, range }] : [];
  });
  return (await Promise.all(problems)).flat();
}

/** `org/name` and `name` may be hub ids; everything else can only be a directory. */
export function isLocalModel({ model }: Config): boolean {
  return !/^[\w-][\w.-]*(\/[\w-][\w.-]*)?$/.test(model.name_or_path);
}

/** A path of a config: absolute, or relative to the config's folder. */
export function locationOf(config: vscode.Uri, file: string): vscode.Uri {
  if (/^([/\\]|[a-z]:[/\\])/i.test(file)) return vscode.Uri.file(file);
  return vscode.Uri.joinPath(config, '..', file.replaceAll('\\', '/'));
}

async function exists(uri: vscode.Uri): Promise<boolean> {
  return vscode.workspace.fs.stat(uri).then(
    () => true,
    () => false,
  );
}
