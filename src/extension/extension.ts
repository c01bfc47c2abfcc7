import './zod-without-eval';
import * as vscode from 'vscode';
import { registerCommands } from './commands/register-commands';
import { ConfigFiles } from './config-files';
import { Dashboards } from './dashboard/dashboards';
import { noticeOrphans } from './dashboard/orphans';
import { registerLanguageFeatures } from './language/register-language';
import { RunRegistry } from './run-registry';
import { registerRunsTree } from './runs-tree/register-runs-tree';
import type { Services } from './services';
import { registerStatusBar } from './status/status-bar';

/** Registers everything and starts nothing: what takes time happens after VS Code has moved on. */
export function activate(context: vscode.ExtensionContext): void {
  const log = vscode.window.createOutputChannel('Flatscape', { log: true });
  const configs = new ConfigFiles();
  const runs = new RunRegistry(configs, log);
  const dashboards = new Dashboards({ context, runs, log });
  const { diagnostics, subscriptions } = registerLanguageFeatures({ context, configs, runs, log });
  const services: Services = { context, log, configs, runs, dashboards, diagnostics };
  context.subscriptions.push(
    log,
    configs,
    runs,
    dashboards,
    ...subscriptions,
    ...registerCommands(services),
    ...registerRunsTree(services),
    registerStatusBar(runs),
  );
  const later = setTimeout(() => {
    void runs.rescan();
    noticeOrphans(services);
  }, 0);
  context.subscriptions.push({ dispose: () => clearTimeout(later) });
}

/** Sockets are closed by the subscriptions; engines are processes of their own and go on. */
export function deactivate(): void {}
