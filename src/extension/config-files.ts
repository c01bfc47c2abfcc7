import * as path from 'node:path';
import * as vscode from 'vscode';
import { parseConfigText, type ParsedConfig } from '../shared/config/parse';

const CONFIG_GLOB = '**/*.flatscape.{yaml,yml,json}';
const DEFAULT_OUTPUT = '.flatscape/runs';

/** By name, not by language: works without any YAML extension and on every file system. */
export const CONFIG_SELECTOR: vscode.DocumentSelector = { pattern: CONFIG_GLOB };

export function isConfigFile(uri: vscode.Uri): boolean {
  return /\.flatscape\.(ya?ml|json)$/i.test(uri.path);
}

/** The configs of the workspace, as they stand in the editor or else on disk. */
export class ConfigFiles implements vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<void>();
  private readonly watcher = vscode.workspace.createFileSystemWatcher(CONFIG_GLOB);
  /** A config was made, saved or deleted. */
  readonly onDidChange = this.changed.event;

  constructor() {
    const fire = () => this.changed.fire();
    this.watcher.onDidCreate(fire);
    this.watcher.onDidChange(fire);
    this.watcher.onDidDelete(fire);
  }

  async find(): Promise<vscode.Uri[]> {
    const found = await vscode.workspace.findFiles(CONFIG_GLOB, '**/node_modules/**');
    return found.sort((a, b) => a.path.localeCompare(b.path));
  }

  /** The config in the active editor, if there is one. */
  active(): vscode.Uri | undefined {
    const uri = vscode.window.activeTextEditor?.document.uri;
    return uri && isConfigFile(uri) ? uri : undefined;
  }

  async parse(uri: vscode.Uri): Promise<ParsedConfig> {
    return parseConfigText(await textOf(uri), uri.path);
  }

  /**
   * Folder of the config's runs. A broken config still has runs: they are looked for in the default
   * place. Undefined where there is no local disk.
   */
  async outputFolder(uri: vscode.Uri): Promise<string | undefined> {
    if (uri.scheme !== 'file') return undefined;
    const { config } = await this.parse(uri);
    return path.resolve(path.dirname(uri.fsPath), config?.output.dir ?? DEFAULT_OUTPUT);
  }

  dispose(): void {
    this.watcher.dispose();
    this.changed.dispose();
  }
}

async function textOf(uri: vscode.Uri): Promise<string> {
  const open = vscode.workspace.textDocuments.find((d) => d.uri.toString() === uri.toString());
  if (open) return open.getText();
  return new TextDecoder().decode(await vscode.workspace.fs.readFile(uri));
}
