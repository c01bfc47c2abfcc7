import { build } from 'esbuild';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';

/** A folder for the tests of one file, removed after them. */
export async function scratchFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'flatscape-test-'));
  afterAll(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** A minimal config in a folder of its own. */
export async function writeConfig(folder: string, name: string, extra = ''): Promise<string> {
  const file = join(folder, `${name}.flatscape.yaml`);
  const text = `model:\n  name_or_path: ./model\ntask:\n  train: train.jsonl\noutput:\n  dir: runs\n${extra}`;
  await writeFile(file, text);
  return file;
}

/** Bundles the fake engine as the real one is bundled, so that it can be started as a process. */
export async function bundleFakeEngine(folder: string): Promise<string> {
  const outfile = join(folder, 'fake-engine.cjs');
  await build({
    entryPoints: [join(import.meta.dirname, 'fake-engine.ts')],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    mainFields: ['module', 'main'],
    logLevel: 'error',
  });
  return outfile;
}
