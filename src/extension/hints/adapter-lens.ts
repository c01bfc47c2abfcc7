import * as path from 'node:path';
import * as vscode from 'vscode';
import type { LayerValues } from '../layers/layer-values';
import { settings } from '../settings';

/** `Inspect layers` at the top of an `adapter_config.json` of which something was measured. */
export class AdapterLenses implements vscode.CodeLensProvider {
  readonly onDidChangeCodeLenses: vscode.Event<void>;

  constructor(private readonly values: LayerValues) {
    this.onDidChangeCodeLenses = values.onDidChange;
  }

  async provideCodeLenses({ uri }: vscode.TextDocument): Promise<vscode.CodeLens[]> {
    if (!settings.codeLens()) return [];
    const found = await this.values.ofAdapter(path.dirname(uri.fsPath));
    if (!found) return [];
    const command: vscode.Command = {
      command: 'flatscape.inspectLayers',
      title: vscode.l10n.t('$(list-ordered) Inspect layers'),
      tooltip: found.layers.title,
      arguments: [uri],
    };
    return [new vscode.CodeLens(new vscode.Range(0, 0, 0, 0), command)];
  }
}
