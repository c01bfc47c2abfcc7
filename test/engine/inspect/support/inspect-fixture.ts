import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openInspection } from '../../../../src/client/inspection-store';
import { liveEngine } from '../../../../src/client/process-identity';
import type { InspectionModel } from '../../../../src/shared/inspection/model';

const FIXTURES = join(import.meta.dirname, '../../../reference/fixtures');

export const MODEL = join(FIXTURES, 'bert-cls/model');
export const ADAPTER = join(FIXTURES, 'bert-cls/adapter');
export const LABELS = ['contradiction', 'neutral', 'entailment'];

export interface Outcome {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** The command as a process of its own; `during` may look at the child while it runs. */
export function commandIn(folder: string, cli: string) {
  return (
    args: readonly string[],
    during?: (child: { kill(s: 'SIGINT'): void }) => Promise<void>,
  ) =>
    new Promise<Outcome>((resolve, reject) => {
      const child = spawn(process.execPath, [cli, ...args], { cwd: folder });
      let [out, err] = ['', ''];
      child.stdout.on('data', (data: Buffer) => (out += data.toString()));
      child.stderr.on('data', (data: Buffer) => (err += data.toString()));
      child.on('close', (code) => resolve({ code, out, err }));
      child.on('error', reject);
      during?.(child).catch(reject);
    });
}

export const lastJson = ({ out }: Outcome) =>
  JSON.parse(out.trim().split('\n').at(-1) ?? '') as never;

/** Labelled texts of the tiny model’s vocabulary. */
export async function writeData(folder: string, rows = 24): Promise<string> {
  const file = join(folder, 'data.jsonl');
  const texts = ['a man is walking', 'the woman sleeps on a chair', 'two dogs run'];
  const lines = Array.from({ length: rows }, (_, i) =>
    JSON.stringify({ text: texts[i % 3], label: LABELS[i % 3] }),
  );
  await writeFile(file, lines.join('\n'));
  return file;
}

/** A config of a short run on the tiny model. */
export async function writeRunConfig(folder: string): Promise<string> {
  const data = await writeData(folder);
  const file = join(folder, 'tiny.flatscape.yaml');
  await writeFile(
    file,
    `model: { name_or_path: ${JSON.stringify(MODEL)} }
task:
  train: ${JSON.stringify(data)}
  labels: [contradiction, neutral, entailment]
adapter: { r: 4, target_modules: [query, value] }
method: { name: efmlora, rho: 0.05 }
optimizer: { lr: 5e-3 }
train: { steps: 4, batch_size: 8, max_length: 24, seed: 7 }
probe: { every: 2, examples: 6 }
checkpoint: { every: 2 }
runtime: { backend: cpu }
output: { dir: runs, name: tiny }
`,
  );
  return file;
}

export async function until(
  directory: string,
  reached: (model: InspectionModel) => boolean,
): Promise<void> {
  for (let i = 0; i < 6000; i++) {
    if (reached(await openInspection(directory))) return;
    await sleep(10);
  }
  throw new Error('it was not reached');
}

export async function gone(directory: string): Promise<void> {
  for (let i = 0; i < 12000 && (await liveEngine(directory)); i++) await sleep(10);
}
