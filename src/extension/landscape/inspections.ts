import * as path from 'node:path';
import * as vscode from 'vscode';
import { connectInspection, type InspectionConnection } from '../../client/inspection-connection';
import { listInspections, type InspectionListing } from '../../client/inspection-store';
import { DEFAULT_INSPECTIONS } from '../../client/launch-inspection';
import type { InspectionEvent } from '../../shared/inspection/events';
import type { InspectionModel } from '../../shared/inspection/model';
import type { JobStore } from '../pages/page-panel';
import type { RunRegistry } from '../run-registry';

/** A view that is redrawn more often flickers and shows nothing new. */
const CHANGE_MS = 2000;

/** The inspections that the window shows, each with one connection that all its views share. */
export class Inspections implements JobStore<InspectionModel, InspectionEvent>, vscode.Disposable {
  private readonly connections = new Map<string, Promise<InspectionConnection>>();
  private readonly settled = new Map<string, InspectionConnection>();
  private readonly changed = new vscode.EventEmitter<void>();
  private timer: NodeJS.Timeout | undefined;
  private disposed = false;
  /** One was started or resumed, has come further or has ended. */
  readonly onDidChange = this.changed.event;

  constructor(private readonly runs: RunRegistry) {}

  /** Newest first; live ones as of now. @param place a run, or a folder of inspections */
  async list(place: string): Promise<readonly InspectionListing[]> {
    const listings = await listInspections(place);
    return listings.map((listing) => {
      const model = this.settled.get(listing.directory)?.model;
      return model ? { ...listing, model } : listing;
    });
  }

  /** Those of all runs of the workspace, and those that belong to no run. */
  async listAll(): Promise<readonly InspectionListing[]> {
    await this.runs.rescan();
    const folders = vscode.workspace.workspaceFolders ?? [];
    const places = [
      ...this.runs.list().map(({ directory }) => directory),
      ...folders.map(({ uri }) => path.join(uri.fsPath, DEFAULT_INSPECTIONS)),
    ];
    const lists = await Promise.all(places.map((place) => this.list(place)));
    return lists.flat().sort((a, b) => (b.manifest?.createdAt ?? 0) - (a.manifest?.createdAt ?? 0));
  }

  connect(directory: string): Promise<InspectionConnection> {
    const known = this.connections.get(directory);
    if (known) return known;
    const connecting = this.open(directory);
    this.connections.set(directory, connecting);
    return connecting;
  }

  current(directory: string): InspectionConnection | undefined {
    return this.settled.get(directory);
  }

  /** After a resume: the old connection knows only the process that is gone. */
  async reconnect(directory: string): Promise<void> {
    this.settled.get(directory)?.close();
    this.settled.delete(directory);
    this.connections.delete(directory);
    await this.connect(directory);
  }

  dispose(): void {
    this.disposed = true;
    clearTimeout(this.timer);
    for (const connection of this.settled.values()) connection.close();
    this.changed.dispose();
  }

  private async open(directory: string): Promise<InspectionConnection> {
    try {
      const connection = await connectInspection(directory);
      if (this.disposed) {
        connection.close();
        return connection;
      }
      this.settled.set(directory, connection);
      connection.onEvent(() => this.changeSoon());
      connection.onState(() => this.changed.fire());
      this.changed.fire();
      return connection;
    } catch (error) {
      this.connections.delete(directory);
      throw error;
    }
  }

  private changeSoon(): void {
    if (this.disposed) return;
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.changed.fire();
    }, CHANGE_MS);
  }
}
