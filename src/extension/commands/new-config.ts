import { open } from 'node:fs/promises';
import * as path from 'node:path';
import * as vscode from 'vscode';
import { guessColumns, type GuessedColumns } from '../../shared/config/guess-columns';
import { configTemplate } from '../../shared/config/template';
import { METHOD_NAMES, METHODS, type MethodName } from '../../shared/methods';

const DATA = ['jsonl', 'csv', 'tsv', 'parquet'];
/** Enough for a header line, or a first row with a long text. */
const START_BYTES = 1 << 18;

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
  const model = method && (await chooseModel(root));
  const train = model && (await chooseTraining(root));
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

/** A folder of the workspace with a config.json, any other folder, or a hub id. */
async function chooseModel(root: vscode.Uri): Promise<vscode.Uri | string | undefined> {
  const found = await vscode.workspace.findFiles(
    '**/config.json',
    '**/{node_modules,.flatscape}/**',
    50,
  );
  const hub = { label: vscode.l10n.t('$(cloud) Hub id...'), from: 'hub' as const };
  const browse = { label: vscode.l10n.t('$(folder) Browse...'), from: 'browse' as const };
  const folders = found.map((file) => {
    const uri = vscode.Uri.joinPath(file, '..');
    return { label: relative(root, uri), from: 'folder' as const, uri };
  });
  const picked = await vscode.window.showQuickPick([...folders, browse, hub], {
    title: vscode.l10n.t('New Config (2/4): Model'),
    placeHolder: vscode.l10n.t('The pretrained model'),
  });
  if (!picked) return undefined;
  if (picked.from === 'folder') return picked.uri;
  if (picked.from === 'hub')
    return vscode.window.showInputBox({
      title: vscode.l10n.t('Hub id of the model'),
      placeHolder: 'sentence-transformers/all-MiniLM-L6-v2',
      validateInput: (id) =>
        /^[\w.-]+(\/[\w.-]+)?$/.test(id) ? undefined : vscode.l10n.t('Such as owner/name'),
    });
  const options = { canSelectFiles: false, canSelectFolders: true, defaultUri: root };
  return (await vscode.window.showOpenDialog(options))?.[0];
}

async function chooseTraining(root: vscode.Uri): Promise<vscode.Uri | undefined> {
  const title = vscode.l10n.t('New Config (3/4): Training data');
  const picked = await vscode.window.showQuickPick([...(await dataFiles(root)), BROWSE], { title });
  return picked?.uri === 'browse' ? browseData(root) : picked?.uri;
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

const BROWSE = { label: vscode.l10n.t('$(folder) Browse...'), uri: 'browse' as const };

async function dataFiles(root: vscode.Uri) {
  const glob = `**/*.{${DATA.join(',')}}`;
  const found = await vscode.workspace.findFiles(glob, '**/{node_modules,.flatscape}/**', 200);
  return found
    .map((uri) => ({ label: relative(root, uri), uri }))
    .sort((a, b) => a.label.localeCompare(b.label));
}

async function browseData(root: vscode.Uri): Promise<vscode.Uri | undefined> {
  const filters = { [vscode.l10n.t('Data')]: DATA };
  return (await vscode.window.showOpenDialog({ defaultUri: root, filters }))?.[0];
}

/** Guessed from how the file begins; asked where that says nothing. */
async function chooseColumns(
  data: vscode.Uri,
): Promise<Omit<GuessedColumns, 'columns'> | undefined> {
  const start = await startOf(data);
  const { columns, ...guess } = guessColumns(start, path.extname(data.path).slice(1).toLowerCase());
  const ask = (placeHolder: string) =>
    columns.length > 0
      ? vscode.window.showQuickPick([...columns], { placeHolder })
      : vscode.window.showInputBox({ prompt: placeHolder });
  const text = guess.text ?? (await ask(vscode.l10n.t('Column of the text')));
  if (!text) return undefined;
  const label = guess.label ?? (await ask(vscode.l10n.t('Column of the label')));
  return label ? { ...guess, text, label } : undefined;
}

/** Not the whole file, which may be large. */
async function startOf(data: vscode.Uri): Promise<string> {
  const file = await open(data.fsPath);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(START_BYTES), 0, START_BYTES, 0);
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await file.close();
  }
}

/** As a config writes it: from its folder, with forward slashes. */
function relative(root: vscode.Uri, uri: vscode.Uri): string {
  return path.relative(root.fsPath, uri.fsPath).split(path.sep).join('/') || '.';
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
