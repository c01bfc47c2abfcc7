import type * as vscode from 'vscode';
import type { ConfigFiles } from './config-files';
import type { Dashboards } from './dashboard/dashboards';
import type { ConfigDiagnostics } from './language/diagnostics';
import type { RunRegistry } from './run-registry';

/** What a command may need. Made once, in `activate`. */
export interface Services {
  readonly context: vscode.ExtensionContext;
  readonly log: vscode.LogOutputChannel;
  readonly configs: ConfigFiles;
  readonly runs: RunRegistry;
  readonly dashboards: Dashboards;
  readonly diagnostics: ConfigDiagnostics;
}
