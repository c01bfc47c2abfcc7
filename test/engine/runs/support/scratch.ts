import { build } from 'esbuild';
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
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
  await bundle(folder, { 'fake-engine': join(import.meta.dirname, 'fake-engine.ts') });
  return join(folder, 'fake-engine.js');
}

const ROOT = join(import.meta.dirname, '../../../..');

/**
 * Builds the real engine and the command beside it, with the files they need.
 * @param engineSource another entry in the engine's place
 */
export async function bundleCli(
  folder: string,
  engineSource = join(ROOT, 'src/engine/runs/engine-main.ts'),
): Promise<{ engine: string; cli: string }> {
  const cli = join(ROOT, 'src/engine/runs/cli.ts');
  await bundle(folder, { engine: engineSource, cli });
  const wasm = join(ROOT, 'node_modules/@tensorflow/tfjs-backend-wasm/dist');
  for (const kind of ['', '-simd', '-threaded-simd']) {
    const name = `tfjs-backend-wasm${kind}.wasm`;
    await copyFile(join(wasm, name), join(folder, name));
  }
  return { engine: join(folder, 'engine.js'), cli: join(folder, 'cli.js') };
}

async function bundle(outdir: string, entryPoints: Record<string, string>): Promise<void> {
  await build({
    entryPoints,
    outdir,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    mainFields: ['module', 'main'],
    define: { 'import.meta.url': 'importMetaUrl' },
    banner: { js: "const importMetaUrl = require('node:url').pathToFileURL(__filename).href;" },
    logLevel: 'error',
  });
}
