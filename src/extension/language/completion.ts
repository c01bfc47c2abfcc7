import * as vscode from 'vscode';
import { completionsAt, type ConfigCompletion } from '../../shared/config/completion';
import type { ModelModules } from './model-modules';
import { toRange } from './ranges';

const KINDS: Record<ConfigCompletion['kind'], vscode.CompletionItemKind> = {
  key: vscode.CompletionItemKind.Property,
  section: vscode.CompletionItemKind.Module,
  value: vscode.CompletionItemKind.Value,
};

/** Missing keys with their defaults, the values of a key, and the model's own module names. */
export class ConfigCompletions implements vscode.CompletionItemProvider {
  constructor(private readonly modules: ModelModules) {}

  provideCompletionItems(
    document: vscode.TextDocument,
    position: vscode.Position,
  ): vscode.CompletionItem[] {
    const offset = document.offsetAt(position);
    // Only what is known already: nobody waits for a model to be read while typing.
    const modules = this.modules.known(document.uri)?.map(({ path }) => path) ?? [];
    return completionsAt(document.getText(), document.fileName, offset, { modules }).map(
      (completion, index) => toItem(document, completion, index),
    );
  }
}

function toItem(
  document: vscode.TextDocument,
  completion: ConfigCompletion,
  index: number,
): vscode.CompletionItem {
  const { kind, label, detail, markdown, snippet, replace } = completion;
  const item = new vscode.CompletionItem(label, KINDS[kind]);
  item.detail = detail;
  item.documentation = new vscode.MarkdownString(markdown);
  item.insertText = new vscode.SnippetString(snippet);
  item.range = toRange(document, replace);
  item.filterText = document.getText(item.range).startsWith('"') ? JSON.stringify(label) : label;
  // The order of the schema: what matters most comes first.
  item.sortText = String(index).padStart(4, '0');
  return item;
}
