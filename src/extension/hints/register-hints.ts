import * as vscode from 'vscode';
import { CONFIG_SELECTOR } from '../config-files';
import { ADAPTER_SELECTOR } from '../layers/adapter-files';
import type { LayerValues } from '../layers/layer-values';
import { AdapterLenses } from './adapter-lens';
import { MeasuredHints } from './inlay-hints';
import { MeasuredDiagnostics } from './measured-diagnostics';
import { MeasuredFixes } from './measured-fixes';
import { MeasuredHovers } from './measured-hover';
import { HINT_SELECTOR } from './subject';

/** What was measured, shown in the files that set it. */
export function registerHints(values: LayerValues): vscode.Disposable[] {
  const hints = new MeasuredHints(values);
  const diagnostics = new MeasuredDiagnostics(values);
  const { languages } = vscode;
  return [
    hints,
    diagnostics,
    languages.registerInlayHintsProvider(HINT_SELECTOR, hints),
    languages.registerHoverProvider(HINT_SELECTOR, new MeasuredHovers(values)),
    languages.registerCodeLensProvider(ADAPTER_SELECTOR, new AdapterLenses(values)),
    languages.registerCodeActionsProvider(CONFIG_SELECTOR, new MeasuredFixes(diagnostics), {
      providedCodeActionKinds: [vscode.CodeActionKind.QuickFix],
    }),
  ];
}
