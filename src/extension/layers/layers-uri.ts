import * as path from 'node:path';
import * as vscode from 'vscode';
import { DEFAULT_ORDER, readOrder, writeOrder, type LayerOrder } from '../../shared/layers/order';

export const LAYERS_SCHEME = 'flatscape-layers';
/** Language of the documents: it belongs to the ending of their names. */
export const LAYERS_SELECTOR: vscode.DocumentSelector = { scheme: LAYERS_SCHEME };

/** What a layers document shows. */
export interface LayerSource {
  /** Absolute path of a run directory, or of an inspection's. */
  readonly directory: string;
  /** Of a checkpoint: values up to this step. */
  readonly step?: number;
}

/** The address of a layers document: the directory and how its lines are sorted. */
export function layersUri({ directory, step }: LayerSource, order: LayerOrder): vscode.Uri {
  const at = step === undefined ? '' : `@${step}`;
  const { path: folder } = vscode.Uri.file(directory);
  return vscode.Uri.from({
    scheme: LAYERS_SCHEME,
    path: `${folder}/${path.posix.basename(folder)}${at}.flatscape-layers`,
    query: writeOrder(order),
  });
}

/** A layers document as an argument of `flatscape.inspectLayers` in links. */
export function layersArgument(source: LayerSource): string {
  return layersUri(source, DEFAULT_ORDER).toString();
}

export function readLayersUri(uri: vscode.Uri): { source: LayerSource; order: LayerOrder } {
  const folder = vscode.Uri.from({ scheme: 'file', path: path.posix.dirname(uri.path) });
  const [, step] = /@(\d+)\.flatscape-layers$/.exec(uri.path) ?? [];
  return {
    source: { directory: folder.fsPath, ...(step !== undefined && { step: Number(step) }) },
    order: readOrder(uri.query),
  };
}
