import * as vscode from 'vscode';
import type { Services } from '../services';
import { RunsTreeProvider } from './provider';

/** The view of all runs, in an activity-bar container of its own. */
export function registerRunsTree({ runs, inspections }: Services): vscode.Disposable[] {
  const provider = new RunsTreeProvider(runs, inspections);
  const view = vscode.window.createTreeView('flatscape.runs', { treeDataProvider: provider });
  return [
    provider,
    view,
    runs.onDidChange(() => provider.refresh()),
    inspections.onDidChange(() => provider.refresh()),
  ];
}
