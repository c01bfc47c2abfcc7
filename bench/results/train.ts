import { spawn } from 'node:child_process';
import { mkdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { stringify } from 'yaml';
import { liveEngine } from '../../src/client/process-identity';
import { deleteRun, listRuns } from '../../src/client/run-store';
import { writeFileAtomic } from '../../src/engine/formats/atomic-file';
import type { RunManifest } from '../../src/shared/run-manifest';
import { runConfig, slug, type RunPlan } from './plan';

/** Where the results lie, and what they are made with. */
export interface Place {
  /** Holds a folder for each task, and `data`. */
  readonly folder: string;
  /** Folder of the pretrained model. */
  readonly model: string;
  readonly backend: string;
  /** `cli.js` of the product. */
  readonly cli: string;
  progress(message: string): void;
}

/** How a run of the plan ended. */
export interface Outcome {
  readonly plan: RunPlan;
  readonly directory: string;
  readonly manifest: RunManifest;
  /** After the last step, on the part that the plan names; absent where the run diverged. */
  readonly end?: { readonly accuracy: number; readonly loss: number; readonly trainLoss: number };
}

/** The errors by which a run says that it has diverged: an outcome, not a failure of ours. */
const DIVERGED = ['loss-not-finite', 'weights-not-finite'];

/**
 * Finds the run of a plan among those that are there: the same config, whole.
 * @returns undefined where it has not been made yet, or was cut off
 */
export async function findOutcome(plan: RunPlan, place: Place): Promise<Outcome | undefined> {
  const text = configText(plan, place);
  for (const { directory, manifest, model } of await listRuns(join(homeOf(plan, place), 'runs'))) {
    if (manifest?.name !== plan.name || manifest.configText !== text || !model) continue;
    if (model.status === 'failed' && DIVERGED.includes(model.error?.code ?? ''))
      return { plan, directory, manifest };
    const last = model.evals.at(-1);
    const trainLoss = model.steps.loss.at(-1);
    if (model.status !== 'completed' || last?.step !== plan.task.steps) continue;
    if (typeof last.accuracy !== 'number' || trainLoss === undefined) continue;
    const { accuracy, loss } = last;
    return { plan, directory, manifest, end: { accuracy, loss: Number(loss), trainLoss } };
  }
  return undefined;
}

/** The run of a plan: as it was found, or made now by `flatscape train`. */
export async function ensureOutcome(plan: RunPlan, place: Place): Promise<Outcome> {
  await liveRunsOver(plan, place);
  const found = await findOutcome(plan, place);
  if (found) return found;
  await dropOthers(plan, place);
  const home = homeOf(plan, place);
  await mkdir(home, { recursive: true });
  const config = join(home, `${plan.name}.flatscape.yaml`);
  await writeFileAtomic(config, configText(plan, place));
  const started = Date.now();
  const log = await flatscape(place.cli, ['train', config]);
  const made = await findOutcome(plan, place);
  if (!made) throw new Error(`${config}: the run did not complete:\n${log}`);
  const seconds = ((Date.now() - started) / 1000).toFixed(0);
  const { end } = made;
  const result = end ? `accuracy ${end.accuracy}, loss ${end.loss.toFixed(4)}` : 'diverged';
  place.progress(`${plan.task.name} ${plan.contestant.name} ${plan.name}: ${result}, ${seconds} s`);
  return made;
}

/** A run goes on when the process that started it is killed: it may be the one that is wanted. */
async function liveRunsOver(plan: RunPlan, place: Place): Promise<void> {
  for (const { directory, manifest } of await listRuns(join(homeOf(plan, place), 'runs')))
    while (manifest?.name === plan.name && (await liveEngine(directory))) await sleep(500);
}

/** Cut-off runs, and those of another config: nothing is to be read of them. */
async function dropOthers(plan: RunPlan, place: Place): Promise<void> {
  for (const { directory, manifest } of await listRuns(join(homeOf(plan, place), 'runs')))
    if (manifest?.name === plan.name) await deleteRun(directory);
}

function homeOf({ task, contestant }: RunPlan, { folder }: Place): string {
  return join(folder, task.name, slug(contestant));
}

function configText(plan: RunPlan, { model, backend }: Place): string {
  const data = `../../data/${plan.task.name}`;
  return stringify(runConfig(plan, { model, data, backend }));
}

/** Runs the product's command to its end. @returns the end of what it printed */
function flatscape(cli: string, args: readonly string[]): Promise<string> {
  const child = spawn(process.execPath, [cli, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let log = '';
  const keep = (data: Buffer) => (log = (log + data.toString('utf8')).slice(-3000));
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', () => resolve(log));
  });
}

export const PARTS = ['train', 'validation', 'test'] as const;

/** Where `writeParts` writes. */
export function partFile(folder: string, task: string, part: (typeof PARTS)[number]): string {
  return join(folder, 'data', task, `${part}.jsonl`);
}

/** The first and the next examples of a training file, and the first of another: `task.sizes`. */
export async function writeParts(
  { name, sizes }: RunPlan['task'],
  { folder, train, test }: { folder: string; train: string; test: string },
): Promise<void> {
  const [ours, held] = await Promise.all([train, test].map(lines));
  const parts = {
    train: ours?.slice(0, sizes.train),
    validation: ours?.slice(sizes.train, sizes.train + sizes.validation),
    test: held?.slice(0, sizes.test),
  };
  for (const part of PARTS) {
    const rows = parts[part] ?? [];
    if (rows.length < sizes[part]) throw new Error(`${name}: too few examples for ${part}`);
    const file = partFile(folder, name, part);
    await mkdir(dirname(file), { recursive: true });
    await writeFileAtomic(file, rows.map((row) => `${row}\n`).join(''));
  }
}

async function lines(file: string): Promise<string[]> {
  return (await readFile(file, 'utf8')).split('\n').filter((line) => line !== '');
}
