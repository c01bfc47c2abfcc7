import * as vscode from 'vscode';
import { CONFIG_SELECTOR, type ConfigFiles } from '../config-files';
import type { RunRegistry } from '../run-registry';
import { ConfigCodeLenses } from './code-lens';
import { ConfigCompletions } from './completion';
import { ConfigDiagnostics } from './diagnostics';
import { ConfigHovers } from './hover';
import { ModelModules } from './model-modules';
import { ConfigQuickFixes } from './quick-fixes';

interface LanguageOptions {
  readonly context: vscode.ExtensionContext;
  readonly configs: ConfigFiles;
  readonly runs: RunRegistry;
  readonly log: vscode.LogOutputChannel;
}

/** Everything that helps while a config is written; needs no YAML extension. */
export function registerLanguageFeatures({ context, runs, log }: LanguageOptions): {
  diagnostics: ConfigDiagnostics;
  subscriptions: vscode.Disposable[];
} {
  const modules = new ModelModules(context, log);
  const diagnostics = new ConfigDiagnostics(modules);
  const lenses = new ConfigCodeLenses(runs);
  const { languages } = vscode;
  return {
    diagnostics,
    subscriptions: [
      modules,
      diagnostics,
      lenses,
      languages.registerHoverProvider(CONFIG_SELECTOR, new ConfigHovers()),
      languages.registerCompletionItemProvider(
        CONFIG_SELECTOR,
        new ConfigCompletions(modules),
        '"',
        ' ',
        '[',
        ',',
      ),
      languages.registerCodeActionsProvider(CONFIG_SELECTOR, new ConfigQuickFixes(diagnostics), {
        providedCodeActionKinds: [vscode.CodeActionKind.QuickFix],
      }),
      languages.registerCodeLensProvider(CONFIG_SELECTOR, lenses),
    ],
  };
}
