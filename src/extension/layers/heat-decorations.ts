import * as vscode from 'vscode';
import { HEAT_LEVELS } from '../../shared/layers/heat';
import { settings } from '../settings';
import type { LayersDocuments } from './layers-document';
import { LAYERS_SCHEME } from './layers-uri';

/**
 * Colours the numbers of the column that a layers document is sorted by. The colours are the
 * theme's (`flatscape.heat1` to `flatscape.heat5`); the numbers say the same without them.
 */
export class HeatDecorations implements vscode.Disposable {
  private types: readonly vscode.TextEditorDecorationType[] = [];
  private readonly subscriptions: vscode.Disposable[];

  constructor(private readonly documents: LayersDocuments) {
    const { window, workspace } = vscode;
    this.subscriptions = [
      window.onDidChangeVisibleTextEditors(() => this.paintAll()),
      workspace.onDidChangeTextDocument(({ document }) => {
        if (document.uri.scheme === LAYERS_SCHEME) this.paintAll();
      }),
      workspace.onDidChangeConfiguration((event) => {
        if (event.affectsConfiguration('flatscape.layers')) this.paintAll();
      }),
    ];
  }

  dispose(): void {
    for (const subscription of this.subscriptions) subscription.dispose();
    for (const type of this.types) type.dispose();
  }

  private paintAll(): void {
    for (const editor of vscode.window.visibleTextEditors)
      if (editor.document.uri.scheme === LAYERS_SCHEME) this.paint(editor);
  }

  private paint(editor: vscode.TextEditor): void {
    const cells = settings.layersHeat() ? this.documents.heatOf(editor.document) : [];
    // Made when first needed: most windows never show a layers document.
    if (this.types.length === 0) this.types = Array.from({ length: HEAT_LEVELS }, decorationType);
    this.types.forEach((type, index) => {
      const ranges = cells
        .filter(({ level }) => level === index + 1)
        .map(({ line, start, end }) => new vscode.Range(line, start, line, end));
      editor.setDecorations(type, ranges);
    });
  }
}

function decorationType(_: unknown, index: number): vscode.TextEditorDecorationType {
  const color = new vscode.ThemeColor(`flatscape.heat${index + 1}`);
  return vscode.window.createTextEditorDecorationType({
    backgroundColor: color,
    ...(index === HEAT_LEVELS - 1 && {
      overviewRulerColor: color,
      overviewRulerLane: vscode.OverviewRulerLane.Right,
    }),
  });
}
