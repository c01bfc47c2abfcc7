import * as vscode from 'vscode';

/** The settings of `package.json`, typed; read anew at every use, so that a change holds at once. */
export const settings = {
  confirmBeforeRun: () => section().get<boolean>('confirmBeforeRun', true),
  codeLens: () => section().get<boolean>('codeLens.enabled', true),
  hints: () => section().get<boolean>('hints.enabled', true),
  measuredDiagnostics: () => section().get<boolean>('diagnostics.measured', true),
  layersHeat: () => section().get<boolean>('layers.heat', true),
  checkModules: () => section().get<boolean>('diagnostics.checkModules', true),
  /** Empty: the Node inside VS Code. */
  nodePath: () => section().get<string>('runtime.nodePath', '').trim(),
};

function section(): vscode.WorkspaceConfiguration {
  return vscode.workspace.getConfiguration('flatscape');
}
