import * as path from 'node:path';
import type * as vscode from 'vscode';
import { parseConfigText } from '../../shared/config/parse';
import { changedKeys, type ChangedKey } from '../../shared/layers/changed-keys';
import { CONFIG_SELECTOR } from '../config-files';
import { ADAPTER_SELECTOR, isAdapterConfig } from '../layers/adapter-files';
import type { FoundLayers, LayerValues } from '../layers/layer-values';

/** Files that hints stand in. */
export const HINT_SELECTOR: vscode.DocumentSelector = [CONFIG_SELECTOR, ADAPTER_SELECTOR].flat();

export interface HintSubject extends FoundLayers {
  readonly kind: 'config' | 'adapter';
  /** What a config has that its run had not; undefined where the text is no config now. */
  readonly changed: readonly ChangedKey[] | undefined;
}

/** What was last measured of what a document describes. */
export async function subjectOf(
  values: LayerValues,
  document: vscode.TextDocument,
): Promise<HintSubject | undefined> {
  if (document.uri.scheme !== 'file') return undefined;
  if (isAdapterConfig(document.uri)) {
    const found = await values.ofAdapter(path.dirname(document.fileName));
    return found && { ...found, kind: 'adapter', changed: [] };
  }
  const found = await values.ofConfig(document.uri);
  if (!found) return undefined;
  const { config } = parseConfigText(document.getText(), document.fileName);
  const was = found.layers.manifest?.config;
  return { ...found, kind: 'config', changed: config && was && changedKeys(was, config) };
}

/** Whether the values belong to another config than the one in the editor. */
export function isStale({ changed }: HintSubject): boolean {
  return changed?.length !== 0;
}
