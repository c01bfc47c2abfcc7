import * as vscode from 'vscode';
import { escapeMarkdown, hoverTable } from '../../shared/layers/hover-table';
import { changeText } from '../../shared/layers/changed-keys';
import { hintPlaces, placeAt } from '../../shared/layers/hint-places';
import type { LayerValues } from '../layers/layer-values';
import { layersArgument } from '../layers/layers-uri';
import { toRange } from '../language/ranges';
import { settings } from '../settings';
import { isStale, subjectOf, type HintSubject } from './subject';

/** The five modules that stand out, on the keys that have hints. */
export class MeasuredHovers implements vscode.HoverProvider {
  constructor(private readonly values: LayerValues) {}

  async provideHover(
    document: vscode.TextDocument,
    position: vscode.Position,
  ): Promise<vscode.Hover | undefined> {
    if (!settings.hints()) return undefined;
    const subject = await subjectOf(this.values, document);
    if (!subject) return undefined;
    const places = hintPlaces(document.getText(), document.fileName, subject.kind);
    const place = placeAt(places, document.offsetAt(position));
    const table = place && hoverTable(place.key, subject.layers);
    if (!place || table === undefined) return undefined;
    const markdown = new vscode.MarkdownString([stale(subject), table, link(subject)].join('\n\n'));
    markdown.isTrusted = { enabledCommands: ['flatscape.inspectLayers'] };
    const key = toRange(document, place.keyRange);
    const range = key.contains(position) ? key : toRange(document, place.valueRange);
    return new vscode.Hover(markdown, range);
  }
}

function stale(subject: HintSubject): string {
  if (!isStale(subject)) return '';
  const text = vscode.l10n.t('config changed since');
  const changes = subject.changed?.map(changeText).join(', ');
  return `*${[text, changes && escapeMarkdown(changes)].filter(Boolean).join(': ')}*`;
}

function link({ source }: HintSubject): string {
  const args = encodeURIComponent(JSON.stringify([layersArgument(source)]));
  return `[${vscode.l10n.t('Inspect layers')}](command:flatscape.inspectLayers?${args})`;
}
