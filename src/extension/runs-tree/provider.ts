import * as vscode from 'vscode';
import type { RunRegistry } from '../run-registry';
import { CheckpointItem, RunItem } from './items';

type Item = RunItem | CheckpointItem;

/** Runs, newest first; beneath each its checkpoints. */
export class RunsTreeProvider implements vscode.TreeDataProvider<Item>, vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<void>();
  readonly onDidChangeTreeData = this.changed.event;

  constructor(private readonly runs: RunRegistry) {}

  refresh(): void {
    this.changed.fire();
  }

  getTreeItem(item: Item): vscode.TreeItem {
    return item;
  }

  getChildren(item?: Item): Item[] {
    if (!item) return this.runs.list().map((run) => new RunItem(run));
    if (item instanceof CheckpointItem) return [];
    const checkpoints = [...(item.run.model?.checkpoints ?? [])].reverse();
    return checkpoints.map((checkpoint) => new CheckpointItem(item.run, checkpoint));
  }

  dispose(): void {
    this.changed.dispose();
  }
}
