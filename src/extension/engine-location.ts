import * as path from 'node:path';
import type * as vscode from 'vscode';
import { settings } from './settings';

/** The engine bundle and the Node that runs it, as `src/client` wants them. */
export function engineLocation(context: vscode.ExtensionContext): {
  engineScript: string;
  nodePath?: string;
} {
  const nodePath = settings.nodePath();
  return {
    engineScript: path.join(context.extensionPath, 'dist', 'engine', 'engine.js'),
    ...(nodePath && { nodePath }),
  };
}
