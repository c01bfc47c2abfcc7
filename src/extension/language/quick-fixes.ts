import * as vscode from 'vscode';
import { isJsonFile } from '../../shared/config/tree';
import { SOURCE, type ConfigDiagnostics } from './diagnostics';
import type { EditorProblem } from './editor-problem';
import { toRange } from './ranges';

type Code = EditorProblem['code'];

/** What a quick fix says, by the code of the problem it mends. */
const TITLES: Partial<Record<Code, (word: string) => string>> = {
  'unknown-key': (word) => vscode.l10n.t('Rename to `{0}`', word),
  'unknown-value': (word) => vscode.l10n.t('Use `{0}`', word),
  'unknown-module': (word) => vscode.l10n.t('Use `{0}`', word),
};

/** Replaces a misspelt key, value or module by the nearest one that exists. */
export class ConfigQuickFixes implements vscode.CodeActionProvider {
  constructor(private readonly diagnostics: ConfigDiagnostics) {}

  provideCodeActions(
    document: vscode.TextDocument,
    _range: vscode.Range,
    { diagnostics }: vscode.CodeActionContext,
  ): vscode.CodeAction[] {
    const problems = this.diagnostics.problemsOf(document);
    return diagnostics
      .filter(({ source }) => source === SOURCE)
      .flatMap((diagnostic) => {
        const problem = problems.find(
          ({ code, range }) =>
            code === diagnostic.code && toRange(document, range).isEqual(diagnostic.range),
        );
        return problem ? fixOf(document, problem, diagnostic) : [];
      });
  }
}

function fixOf(
  document: vscode.TextDocument,
  { code, suggestion, range }: EditorProblem,
  diagnostic: vscode.Diagnostic,
): vscode.CodeAction[] {
  const title = TITLES[code];
  if (!title || suggestion === undefined) return [];
  const action = new vscode.CodeAction(title(suggestion), vscode.CodeActionKind.QuickFix);
  const text = isJsonFile(document.fileName) ? JSON.stringify(suggestion) : suggestion;
  action.edit = new vscode.WorkspaceEdit();
  action.edit.replace(document.uri, toRange(document, range), text);
  action.diagnostics = [diagnostic];
  action.isPreferred = true;
  return [action];
}
