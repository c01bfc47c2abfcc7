import { open } from 'node:fs/promises';
import * as path from 'node:path';
import * as vscode from 'vscode';
import { guessColumns, type GuessedColumns } from '../../shared/config/guess-columns';

const DATA = ['jsonl', 'csv', 'tsv', 'parquet'];
/** Enough for a header line, or a first row with a long text. */
const START_BYTES = 1 << 18;
const EXCLUDED = '**/{node_modules,.flatscape}/**';

interface ModelQuestion {
  readonly title: string;
  /** Folders or hub ids that are likely meant. */
  readonly first?: readonly string[];
}

/** A folder of the workspace with a config.json, any other folder, or a hub id. */
export async function chooseModel(
  root: vscode.Uri,
  { title, first = [] }: ModelQuestion,
): Promise<vscode.Uri | string | undefined> {
  const found = await vscode.workspace.findFiles('**/config.json', EXCLUDED, 50);
  const hub = { label: vscode.l10n.t('$(cloud) Hub id...'), from: 'hub' as const };
  const browse = { label: vscode.l10n.t('$(folder) Browse...'), from: 'browse' as const };
  const likely = first.map((name) => ({
    label: name,
    description: vscode.l10n.t('named by the adapter'),
    from: 'named' as const,
    name,
  }));
  const folders = found.map((file) => {
    const uri = vscode.Uri.joinPath(file, '..');
    return { label: relative(root, uri), from: 'folder' as const, uri };
  });
  const picked = await vscode.window.showQuickPick([...likely, ...folders, browse, hub], {
    title,
    placeHolder: vscode.l10n.t('The pretrained model'),
  });
  if (!picked) return undefined;
  if (picked.from === 'named') return picked.name;
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

/** A data file of the workspace or any other. */
export async function chooseData(root: vscode.Uri, title: string): Promise<vscode.Uri | undefined> {
  const picked = await vscode.window.showQuickPick([...(await dataFiles(root)), BROWSE], { title });
  return picked?.uri === 'browse' ? browseData(root) : picked?.uri;
}

export const BROWSE = { label: vscode.l10n.t('$(folder) Browse...'), uri: 'browse' as const };

export async function dataFiles(root: vscode.Uri) {
  const found = await vscode.workspace.findFiles(`**/*.{${DATA.join(',')}}`, EXCLUDED, 200);
  return found
    .map((uri) => ({ label: relative(root, uri), uri }))
    .sort((a, b) => a.label.localeCompare(b.label));
}

export async function browseData(root: vscode.Uri): Promise<vscode.Uri | undefined> {
  const filters = { [vscode.l10n.t('Data')]: DATA };
  return (await vscode.window.showOpenDialog({ defaultUri: root, filters }))?.[0];
}

/** Guessed from how the file begins; asked where that says nothing. */
export async function chooseColumns(
  data: vscode.Uri,
): Promise<(Omit<GuessedColumns, 'columns'> & { text: string; label: string }) | undefined> {
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

/** As a config writes it: from its folder, with forward slashes. */
export function relative(root: vscode.Uri, uri: vscode.Uri): string {
  return path.relative(root.fsPath, uri.fsPath).split(path.sep).join('/') || '.';
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
