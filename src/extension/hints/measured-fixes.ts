import * as vscode from 'vscode';
import { setKey } from '../../shared/config/set-key';
import type { FindingFix } from '../../shared/layers/findings';
import { toRange } from '../language/ranges';
import { layersArgument, type LayerSource } from '../layers/layers-uri';
import { MEASURED_SOURCE, type MeasuredDiagnostics } from './measured-diagnostics';

/** Sets the key that a finding is about, or shows the layers it was found in. */
export class MeasuredFixes implements vscode.CodeActionProvider {
  constructor(private readonly diagnostics: MeasuredDiagnostics) {}

  provideCodeActions(
    document: vscode.TextDocument,
    _range: vscode.Range,
    { diagnostics }: vscode.CodeActionContext,
  ): vscode.CodeAction[] {
    return diagnostics
      .filter(({ source }) => source === MEASURED_SOURCE)
      .flatMap((diagnostic) => {
        const found = this.diagnostics.findingOf(document, diagnostic);
        if (!found) return [];
        const edits = found.finding.fixes.flatMap((fix) => editAction(document, fix, diagnostic));
        return [...edits, showAction(found.source, diagnostic)];
      });
  }
}

function editAction(
  document: vscode.TextDocument,
  fix: FindingFix,
  diagnostic: vscode.Diagnostic,
): vscode.CodeAction[] {
  const edit = setKey(document.getText(), document.fileName, fix);
  if (!edit) return [];
  const key = fix.path.join('.');
  const title = fix.append
    ? vscode.l10n.t('Leave `{0}` out: add it to `{1}`', fix.value, key)
    : vscode.l10n.t('Set `{0}: {1}`', key, fix.value);
  const action = new vscode.CodeAction(title, vscode.CodeActionKind.QuickFix);
  action.edit = new vscode.WorkspaceEdit();
  action.edit.replace(document.uri, toRange(document, edit.range), edit.text);
  action.diagnostics = [diagnostic];
  return [action];
}

function showAction(source: LayerSource, diagnostic: vscode.Diagnostic): vscode.CodeAction {
  const title = vscode.l10n.t('Show layers');
  const action = new vscode.CodeAction(title, vscode.CodeActionKind.QuickFix);
  action.command = {
    command: 'flatscape.inspectLayers',
    title,
    arguments: [layersArgument(source)],
  };
  action.diagnostics = [diagnostic];
  return action;
}
