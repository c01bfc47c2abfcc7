import * as path from 'node:path';
import type * as vscode from 'vscode';
import { settings } from './settings';

/** The engine bundle and the Node that runs it, as `src/client` wants them. */
export function engineLocation(context: vscode.ExtensionContext): {
  engineScript: string;
  nodePath?: string;
  backendsFolder: string;
} {
  const nodePath = settings.nodePath();
  return {
    engineScript: path.join(context.extensionPath, 'dist', 'engine', 'engine.js'),
    backendsFolder: backendsFolder(context),
    ...(nodePath && { nodePath }),
  };
}

/**
 * Native backends outlive updates of the extension, so they are kept in its storage; a folder that
 * the environment names is shared with the command line.
 */
export function backendsFolder(context: vscode.ExtensionContext): string {
  const named = process.env['FLATSCAPE_BACKENDS'];
  return named ? path.resolve(named) : path.join(context.globalStorageUri.fsPath, 'backends');
}
