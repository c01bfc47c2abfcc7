import * as vscode from 'vscode';
import { HeatDecorations } from './heat-decorations';
import type { LayerValues } from './layer-values';
import { LayersDocuments } from './layers-document';
import { LAYERS_SCHEME, LAYERS_SELECTOR } from './layers-uri';

/** The layers documents: their text, folding and colours. */
export function registerLayers(values: LayerValues): vscode.Disposable[] {
  const documents = new LayersDocuments(values);
  return [
    documents,
    new HeatDecorations(documents),
    vscode.workspace.registerTextDocumentContentProvider(LAYERS_SCHEME, documents),
    vscode.languages.registerFoldingRangeProvider(LAYERS_SELECTOR, documents),
  ];
}
