import * as vscode from 'vscode';
import { describeError, isUserError } from '../../shared/errors';
import {
  foldsOf,
  layersText,
  type HeatCell,
  type LayersText,
} from '../../shared/layers/layers-text';
import type { LayerValues } from './layer-values';
import { LAYERS_SCHEME, readLayersUri } from './layers-uri';

/**
 * Layers documents: text, so that finding, folding and copying are VS Code's own. A document is
 * written anew when there are other values; VS Code keeps cursor and scroll position.
 */
export class LayersDocuments
  implements vscode.TextDocumentContentProvider, vscode.FoldingRangeProvider, vscode.Disposable
{
  private readonly changed = new vscode.EventEmitter<vscode.Uri>();
  private readonly written = new Map<string, LayersText>();
  private readonly subscriptions: vscode.Disposable[];
  readonly onDidChange = this.changed.event;

  constructor(private readonly values: LayerValues) {
    this.subscriptions = [
      values.onDidChange(() => this.refresh()),
      vscode.workspace.onDidCloseTextDocument(({ uri }) => this.written.delete(uri.toString())),
    ];
  }

  async provideTextDocumentContent(uri: vscode.Uri): Promise<string> {
    const page = await this.write(uri);
    this.written.set(uri.toString(), page);
    return page.text;
  }

  provideFoldingRanges(document: vscode.TextDocument): vscode.FoldingRange[] {
    return foldsOf(document.getText()).map(({ start, end }) => new vscode.FoldingRange(start, end));
  }

  /** The numbers to colour, if they belong to the text that the document has now. */
  heatOf(document: vscode.TextDocument): readonly HeatCell[] {
    const page = this.written.get(document.uri.toString());
    return page && page.text === document.getText().replaceAll('\r\n', '\n') ? page.heat : [];
  }

  dispose(): void {
    for (const subscription of this.subscriptions) subscription.dispose();
    this.changed.dispose();
  }

  /** What cannot be read is said in the document: its tab may be older than what it shows. */
  private async write(uri: vscode.Uri): Promise<LayersText> {
    const { source, order } = readLayersUri(uri);
    try {
      const layers = await this.values.of(source);
      if (layers) return layersText(layers, order);
      return comment(
        vscode.l10n.t('Nothing was measured per module yet. Probes are set by `probe.every`.'),
      );
    } catch (error) {
      if (!isUserError(error)) throw error;
      return comment(describeError(error));
    }
  }

  private refresh(): void {
    for (const { uri } of vscode.workspace.textDocuments)
      if (uri.scheme === LAYERS_SCHEME) this.changed.fire(uri);
  }
}

function comment(text: string): LayersText {
  return { text: `${text.replace(/^/gm, '# ')}\n`, heat: [] };
}
