import type * as vscode from 'vscode';

/** PEFT's own name for it. */
export const ADAPTER_SELECTOR: vscode.DocumentSelector = {
  scheme: 'file',
  pattern: '**/adapter_config.json',
};

export function isAdapterConfig({ scheme, path }: vscode.Uri): boolean {
  return scheme === 'file' && path.endsWith('/adapter_config.json');
}
