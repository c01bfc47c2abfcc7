import * as vscode from 'vscode';
import type { Inspections } from '../landscape/inspections';
import type { RunRegistry } from '../run-registry';
import { CheckpointItem, InspectionItem, RunItem } from './items';

type Item = RunItem | CheckpointItem | InspectionItem;

/** Runs, newest first; beneath each its checkpoints, and what was measured on them. */
export class RunsTreeProvider implements vscode.TreeDataProvider<Item>, vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<void>();
  readonly onDidChangeTreeData = this.changed.event;

  constructor(
    private readonly runs: RunRegistry,
    private readonly inspections: Inspections,
  ) {}

  refresh(): void {
    this.changed.fire();
  }

  getTreeItem(item: Item): vscode.TreeItem {
    return item;
  }

  async getChildren(item?: Item): Promise<Item[]> {
    if (!item) return this.runs.list().map((run) => new RunItem(run));
    if (!(item instanceof RunItem)) return [];
    const checkpoints = [...(item.run.model?.checkpoints ?? [])].reverse();
    const inspections = await this.inspections.list(item.run.directory);
    return [
      ...checkpoints.map((checkpoint) => new CheckpointItem(item.run, checkpoint)),
      ...inspections.map((inspection) => new InspectionItem(item.run, inspection)),
    ];
  }

  dispose(): void {
    this.changed.dispose();
  }
}
