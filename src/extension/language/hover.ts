import * as vscode from 'vscode';
import { hoverAt } from '../../shared/config/hover';
import { toRange } from './ranges';

/** What a key means, from the schema. */
export class ConfigHovers implements vscode.HoverProvider {
  provideHover(document: vscode.TextDocument, position: vscode.Position): vscode.Hover | undefined {
    const hover = hoverAt(document.getText(), document.fileName, document.offsetAt(position));
    if (!hover) return undefined;
    const { markdown, range } = hover;
    return new vscode.Hover(new vscode.MarkdownString(markdown), toRange(document, range));
  }
}
