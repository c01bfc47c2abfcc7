import * as vscode from 'vscode';
import { inspectModel, type InspectedModule } from '../../client/preflight';
import type { Config } from '../../shared/config/schema';
import { engineLocation } from '../engine-location';
import { isLocalModel, locationOf } from './missing-files';

interface Entry {
  readonly key: string;
  readonly abort: AbortController;
  modules?: readonly InspectedModule[];
}

/**
 * The modules of the model that a config names, as the engine sees them in a child process. One
 * answer per config, kept until the model's `config.json` changes. Local models of trusted
 * workspaces only: opening a file must not download anything.
 */
export class ModelModules implements vscode.Disposable {
  private readonly entries = new Map<string, Entry>();

  constructor(
    private readonly context: vscode.ExtensionContext,
    private readonly log: vscode.LogOutputChannel,
  ) {}

  /** What the last `inspect` of this config has found. */
  known(config: vscode.Uri): readonly InspectedModule[] | undefined {
    return this.entries.get(config.toString())?.modules;
  }

  /** Undefined where it cannot be told: untrusted, not local, or a model the engine refuses. */
  async inspect(uri: vscode.Uri, config: Config): Promise<readonly InspectedModule[] | undefined> {
    if (!vscode.workspace.isTrusted || uri.scheme !== 'file' || !isLocalModel(config))
      return undefined;
    const key = await this.keyOf(uri, config);
    if (key === undefined) return undefined;
    const known = this.entries.get(uri.toString());
    if (known?.key === key) return known.modules;
    known?.abort.abort();
    const entry: Entry = { key, abort: new AbortController() };
    this.entries.set(uri.toString(), entry);
    try {
      entry.modules = await inspectModel({
        ...engineLocation(this.context),
        configFile: uri.fsPath,
        signal: entry.abort.signal,
      });
    } catch (error) {
      // The preflight of a run says the same in full; while typing it would only be noise.
      if (!entry.abort.signal.aborted) this.log.debug(`inspect-model: ${String(error)}`);
    }
    return entry.modules;
  }

  dispose(): void {
    for (const { abort } of this.entries.values()) abort.abort();
  }

  private async keyOf(uri: vscode.Uri, { model }: Config): Promise<string | undefined> {
    const file = vscode.Uri.joinPath(locationOf(uri, model.name_or_path), 'config.json');
    try {
      return `${file.toString()}@${(await vscode.workspace.fs.stat(file)).mtime}`;
    } catch {
      return undefined;
    }
  }
}
