import * as vscode from 'vscode';
import { changeText } from '../../shared/layers/changed-keys';
import { hintPlaces, type HintKey } from '../../shared/layers/hint-places';
import { HINT_MEANINGS, hintText, settingLines } from '../../shared/layers/hint-texts';
import type { LayerValues } from '../layers/layer-values';
import { layersArgument } from '../layers/layers-uri';
import { settings } from '../settings';
import { isStale, subjectOf, type HintSubject } from './subject';

const CHANGES = 5;

/** What the last run has measured, beside the keys that set it. */
export class MeasuredHints implements vscode.InlayHintsProvider, vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<void>();
  private readonly subscriptions: vscode.Disposable[];
  readonly onDidChangeInlayHints = this.changed.event;

  constructor(private readonly values: LayerValues) {
    this.subscriptions = [
      values.onDidChange(() => this.changed.fire()),
      vscode.workspace.onDidChangeConfiguration((event) => {
        if (event.affectsConfiguration('flatscape.hints')) this.changed.fire();
      }),
    ];
  }

  async provideInlayHints(
    document: vscode.TextDocument,
    range: vscode.Range,
  ): Promise<vscode.InlayHint[]> {
    if (!settings.hints()) return [];
    const subject = await subjectOf(this.values, document);
    if (!subject) return [];
    return hintPlaces(document.getText(), document.fileName, subject.kind).flatMap(
      ({ key, offset }) => {
        const position = document.positionAt(offset);
        const text = range.contains(position) ? hintText(key, subject.layers) : undefined;
        return text === undefined ? [] : hint({ key, position, text }, subject);
      },
    );
  }

  dispose(): void {
    for (const subscription of this.subscriptions) subscription.dispose();
    this.changed.dispose();
  }
}

interface Shown {
  readonly key: HintKey;
  readonly position: vscode.Position;
  readonly text: string;
}

function hint({ key, position, text }: Shown, subject: HintSubject): vscode.InlayHint {
  const label = isStale(subject) ? vscode.l10n.t('old config: {0}', text) : text;
  const part = new vscode.InlayHintLabelPart(label);
  part.tooltip = tooltip(key, subject);
  // With Ctrl or Cmd, as VS Code's own hints that lead somewhere.
  part.command = {
    command: 'flatscape.inspectLayers',
    title: vscode.l10n.t('Inspect Layers'),
    arguments: [layersArgument(subject.source)],
  };
  const made = new vscode.InlayHint(position, [part]);
  made.paddingLeft = true;
  return made;
}

/** As text, not as Markdown: names are from files. */
function tooltip(key: HintKey, subject: HintSubject): vscode.MarkdownString {
  const { layers, changed } = subject;
  const text = new vscode.MarkdownString();
  const changes = changed?.slice(0, CHANGES).map(changeText) ?? [];
  const more = (changed?.length ?? 0) - changes.length;
  const lines = [
    HINT_MEANINGS[key],
    ...settingLines(layers),
    ...(isStale(subject) ? [vscode.l10n.t('config changed since:'), ...changes] : []),
    ...(more > 0 ? [vscode.l10n.t('and {0} more', more)] : []),
  ];
  for (const line of lines) {
    text.appendText(line);
    text.appendMarkdown('\n\n');
  }
  return text;
}
