import * as vscode from 'vscode';
import { configTemplate } from '../../shared/config/template';
import { METHOD_NAMES, METHODS, type MethodName } from '../../shared/methods';
import {
  BROWSE,
  browseData,
  chooseColumns,
  chooseData,
  chooseModel,
  dataFiles,
  relative,
} from './ask-files';

/**
 * Asks for method, model and data, writes a commented config into the workspace and opens it.
 * Nothing is written before the last question is answered, and no file is replaced.
 */
export async function newConfig(): Promise<vscode.Uri | undefined> {
  const folder = vscode.window.activeTextEditor
    ? vscode.workspace.getWorkspaceFolder(vscode.window.activeTextEditor.document.uri)
    : undefined;
  const root = (folder ?? vscode.workspace.workspaceFolders?.[0])?.uri;
  if (!root) {
    await vscode.commands.executeCommand('workbench.action.files.openFolder');
    return undefined;
  }
  const method = await chooseMethod();
  const model =
    method && (await chooseModel(root, { title: vscode.l10n.t('New Config (2/4): Model') }));
  const train = model && (await chooseData(root, vscode.l10n.t('New Config (3/4): Training data')));
  if (!method || !model || !train) return undefined;
  const columns = await chooseColumns(train);
  const evaluation = columns && (await chooseEvaluation(root, train));
  if (!columns || evaluation === undefined) return undefined;

  const target = await freeName(root, method);
  const written = configTemplate({
    method,
    model: typeof model === 'string' ? model : `./${relative(root, model)}`,
    train: relative(root, train),
    eval: evaluation === 'none' ? undefined : relative(root, evaluation),
    ...columns,
  });
  await vscode.workspace.fs.writeFile(target, new TextEncoder().encode(written));
  await vscode.window.showTextDocument(target);
  return target;
}

async function chooseMethod(): Promise<MethodName | undefined> {
  const items = METHOD_NAMES.map((name) => {
    const { title, summary, passes, passesText } = METHODS[name];
    const cost = vscode.l10n.t('passes per step: {0}', passesText ?? passes);
    return { label: title, description: `${name} · ${cost}`, detail: summary, name };
  });
  const picked = await vscode.window.showQuickPick(items, {
    title: vscode.l10n.t('New Config (1/4): Method'),
    placeHolder: vscode.l10n.t('How the adapter is trained'),
    matchOnDescription: true,
    matchOnDetail: true,
  });
  return picked?.name;
}

async function chooseEvaluation(
  root: vscode.Uri,
  train: vscode.Uri,
): Promise<vscode.Uri | 'none' | undefined> {
  const title = vscode.l10n.t('New Config (4/4): Evaluation data');
  const none = { label: vscode.l10n.t('$(circle-slash) None'), uri: 'none' as const };
  const others = (await dataFiles(root)).filter(({ uri }) => uri.path !== train.path);
  const picked = await vscode.window.showQuickPick([...others, BROWSE, none], { title });
  return picked?.uri === 'browse' ? browseData(root) : picked?.uri;
}

async function freeName(root: vscode.Uri, method: MethodName): Promise<vscode.Uri> {
  for (let n = 1; ; n++) {
    const name = `${method}${n === 1 ? '' : `-${n}`}.flatscape.yaml`;
    const uri = vscode.Uri.joinPath(root, name);
    const taken = await vscode.workspace.fs.stat(uri).then(
      () => true,
      () => false,
    );
    if (!taken) return uri;
  }
}
