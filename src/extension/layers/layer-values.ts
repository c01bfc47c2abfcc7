import * as path from 'node:path';
import * as vscode from 'vscode';
import {
  isInspection,
  listInspections,
  openInspection,
  type InspectionListing,
} from '../../client/inspection-store';
import { RUN_FILES } from '../../shared/run-manifest';
import {
  layersOfInspection,
  sharpnessOfInspection,
  withInspection,
} from '../../shared/layers/inspected-sharpness';
import { layersOfRun, type MeasuredLayers } from '../../shared/layers/measured-layers';
import type { RunModel } from '../../shared/run-model';
import type { KnownRun, RunRegistry } from '../run-registry';
import type { LayerSource } from './layers-uri';

/** Measured layers, and the run or inspection they are read from. */
export interface FoundLayers {
  readonly source: LayerSource;
  readonly layers: MeasuredLayers;
}

/** Results are written before the last line of the journal. */
const SETTLE_MS = 1000;

/**
 * What has been measured of the layers: by the probes of runs, and by inspections. Everything is
 * read from disk or from the connections of the run registry; nothing is computed.
 */
export class LayerValues implements vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<void>();
  private readonly inspections = new Map<string, Promise<readonly InspectionListing[]>>();
  private readonly subscriptions: vscode.Disposable[];
  private probed = '';
  private timer: NodeJS.Timeout | undefined;
  /** There may be other values: a probe, a new run, an inspection. */
  readonly onDidChange = this.changed.event;

  constructor(
    private readonly runs: RunRegistry,
    private readonly log: vscode.LogOutputChannel,
  ) {
    const results = vscode.workspace.createFileSystemWatcher('**/inspections/*/results.json');
    this.subscriptions = [
      results,
      results.onDidCreate(() => this.refreshSoon()),
      results.onDidChange(() => this.refreshSoon()),
      results.onDidDelete(() => this.refreshSoon()),
      runs.onDidChange(() => this.refresh()),
      runs.onDidProgress(() => this.noticeProbe()),
    ];
  }

  /** Of the newest run of a config that has measured any. */
  async ofConfig(config: vscode.Uri): Promise<FoundLayers | undefined> {
    const run = this.runs.ofConfig(config).find(hasLayers);
    return run?.model && this.found({ directory: run.directory }, run.model);
  }

  /**
   * Of a run or an inspection.
   * @throws UserError where the directory is neither
   */
  async of(source: LayerSource): Promise<MeasuredLayers | undefined> {
    const { directory } = source;
    if (isInspection(directory)) return layersOfInspection(await openInspection(directory));
    const known = this.runs.find(directory)?.model;
    const model = known ?? (await this.runs.connect(directory)).model;
    return (await this.found(source, model))?.layers;
  }

  /** Of the run whose checkpoint an adapter's folder is, or of the last inspection of it. */
  async ofAdapter(folder: string): Promise<FoundLayers | undefined> {
    const run = await this.runAround(folder);
    if (run) {
      const [, step] = /^step-(\d+)$/.exec(path.basename(folder)) ?? [];
      const source = { ...run, ...(step !== undefined && { step: Number(step) }) };
      const layers = await this.of(source);
      return layers && { source, layers };
    }
    for (const { directory, model } of await this.inspectionsOf(placesBeside(folder))) {
      if (model?.manifest.adapter?.directory !== folder) continue;
      const layers = layersOfInspection(model);
      if (layers) return { source: { directory }, layers };
    }
    return undefined;
  }

  refresh(): void {
    this.inspections.clear();
    this.changed.fire();
  }

  dispose(): void {
    clearTimeout(this.timer);
    for (const subscription of this.subscriptions) subscription.dispose();
    this.changed.dispose();
  }

  private async found(source: LayerSource, model: RunModel): Promise<FoundLayers | undefined> {
    const layers = layersOfRun(model, source.step);
    if (!layers) return undefined;
    const upTo = source.step ?? Infinity;
    const inspected = (await this.inspectionsOf([source.directory]))
      .map((listing) => listing.model && sharpnessOfInspection(listing.model))
      .filter((sharpness) => sharpness !== undefined)
      .find(({ origin }) => (origin.step ?? Infinity) <= upTo);
    return { source, layers: withInspection(layers, inspected) };
  }

  /** Newest first. */
  private async inspectionsOf(places: readonly string[]): Promise<readonly InspectionListing[]> {
    const lists = await Promise.all(
      places.map((place) => {
        const known = this.inspections.get(place);
        if (known) return known;
        const listing = listInspections(place).catch((error: unknown) => {
          this.log.error(`${place}: ${error instanceof Error ? error.message : String(error)}`);
          return [];
        });
        this.inspections.set(place, listing);
        return listing;
      }),
    );
    return lists.flat().sort((a, b) => (b.manifest?.createdAt ?? 0) - (a.manifest?.createdAt ?? 0));
  }

  /** A listed run that holds the folder, or one that is not listed two folders up. */
  private async runAround(folder: string): Promise<{ directory: string } | undefined> {
    const listed = this.runs
      .list()
      .find(({ directory }) => !path.relative(directory, folder).startsWith('..'));
    if (listed) return listed.model && { directory: listed.directory };
    const directory = path.resolve(folder, '../..');
    const manifest = vscode.Uri.file(path.join(directory, RUN_FILES.manifest));
    return vscode.workspace.fs.stat(manifest).then(
      () => ({ directory }),
      () => undefined,
    );
  }

  private refreshSoon(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.refresh(), SETTLE_MS);
  }

  /** A live run tells of every step; what is shown changes when it has probed. */
  private noticeProbe(): void {
    const probed = this.runs
      .live()
      .map(({ directory, model }) => `${directory}:${model?.probes.length ?? 0}`)
      .join('\n');
    if (probed === this.probed) return;
    this.probed = probed;
    this.changed.fire();
  }
}

export function hasLayers({ model }: KnownRun): boolean {
  return model !== undefined && layersOfRun(model) !== undefined;
}

/** Where inspections of an adapter that no run of ours has made are kept. */
function placesBeside(folder: string): string[] {
  const inWorkspace = (vscode.workspace.workspaceFolders ?? [])
    .filter(({ uri }) => uri.scheme === 'file')
    .map(({ uri }) => path.join(uri.fsPath, '.flatscape', 'inspections'));
  const beside = [folder, path.dirname(folder)].flatMap((place) => [
    path.join(place, 'inspections'),
    path.join(place, '.flatscape', 'inspections'),
  ]);
  return [...new Set([...beside, ...inWorkspace])];
}
