import * as path from 'node:path';
import * as vscode from 'vscode';
import { lineOfModule } from '../../shared/layers/layers-text';
import { DEFAULT_ORDER } from '../../shared/layers/order';
import { chooseRun } from '../commands/choose-run';
import type { Services } from '../services';
import { CheckpointItem } from '../runs-tree/items';
import { isAdapterConfig } from './adapter-files';
import { hasLayers } from './layer-values';
import { LAYERS_SCHEME, layersUri, readLayersUri, type LayerSource } from './layers-uri';
import { pickOrder } from './pick-order';

/**
 * Opens the layers document of a run, or of what an `adapter_config.json` belongs to.
 * @param argument tree item, directory of a run, address of a config, an adapter
 *   or (as text) a layers document, or
 *   nothing: then of the file in front, else of the run that the user picks
 * @returns the document's address
 */
export async function inspectLayers(
  services: Services,
  argument: unknown,
): Promise<vscode.Uri | undefined> {
  const source = await sourceOf(services, argument ?? activeSubject(services));
  if (!source) return undefined;
  const document = await vscode.workspace.openTextDocument(layersUri(source, DEFAULT_ORDER));
  const besides = vscode.window.activeTextEditor?.document.uri.scheme === 'file';
  await vscode.window.showTextDocument(document, {
    viewColumn: besides ? vscode.ViewColumn.Beside : vscode.ViewColumn.Active,
  });
  return document.uri;
}

/** Sorts the layers document in front by the column that the user picks. */
export async function sortLayers(): Promise<void> {
  const editor = vscode.window.activeTextEditor;
  if (editor?.document.uri.scheme !== LAYERS_SCHEME) return;
  const { source, order } = readLayersUri(editor.document.uri);
  const chosen = await pickOrder(order);
  if (!chosen) return;
  const before = editor.document.uri;
  const line = editor.document.lineAt(editor.selection.active.line).text;
  const document = await vscode.workspace.openTextDocument(layersUri(source, chosen));
  const shown = await vscode.window.showTextDocument(document, {
    ...(editor.viewColumn !== undefined && { viewColumn: editor.viewColumn }),
    preview: false,
  });
  followModule(shown, line);
  if (before.toString() !== document.uri.toString()) await closeTab(before, shown.viewColumn);
}

async function sourceOf(services: Services, argument: unknown): Promise<LayerSource | undefined> {
  const file = argument instanceof vscode.Uri ? argument : undefined;
  if (file && isAdapterConfig(file)) {
    const found = await services.layers.ofAdapter(path.dirname(file.fsPath));
    if (!found) sayNone();
    return found?.source;
  }
  if (typeof argument === 'string' && argument.startsWith(`${LAYERS_SCHEME}:`))
    return readLayersUri(vscode.Uri.parse(argument)).source;
  const run = await chooseRun(services, argument, hasLayers);
  if (!run) return undefined;
  const [, step] =
    (argument instanceof CheckpointItem && /step-(\d+)$/.exec(argument.directory)) || [];
  return { directory: run.directory, ...(step !== undefined && { step: Number(step) }) };
}

/** A config without runs has no layers: then the user picks one of another. */
function activeSubject({ configs, runs }: Services): vscode.Uri | undefined {
  const file = vscode.window.activeTextEditor?.document.uri;
  if (file && isAdapterConfig(file)) return file;
  const config = configs.active();
  return config && runs.ofConfig(config).some(hasLayers) ? config : undefined;
}

function sayNone(): void {
  void vscode.window.showInformationMessage(
    vscode.l10n.t('Nothing has been measured of this adapter.'),
  );
}

/** The cursor stays on the module that it was on. */
function followModule(editor: vscode.TextEditor, line: string): void {
  const module = line.trimStart().split(' ', 1)[0] ?? '';
  const found = module === '' ? -1 : lineOfModule(editor.document.getText(), module);
  const at = new vscode.Position(Math.max(0, found), 0);
  editor.selection = new vscode.Selection(at, at);
  editor.revealRange(new vscode.Range(at, at));
}

async function closeTab(uri: vscode.Uri, column: vscode.ViewColumn | undefined): Promise<void> {
  const tabs = vscode.window.tabGroups.all
    .filter(({ viewColumn }) => viewColumn === column)
    .flatMap(({ tabs }) => tabs)
    .filter(
      ({ input }) =>
        input instanceof vscode.TabInputText && input.uri.toString() === uri.toString(),
    );
  await vscode.window.tabGroups.close(tabs, true);
}
