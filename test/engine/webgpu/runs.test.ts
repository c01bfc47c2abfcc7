import { execFile } from 'node:child_process';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { openRun, readManifest } from '../../../src/client/run-store';
import { readInstallation } from '../../../src/engine/backends/native/installation';
import { testedBackends } from '../../support/tested-backends';
import { bundleCli, scratchFolder } from '../runs/support/scratch';

const tested = (await testedBackends()).some(({ name }) => name === 'webgpu');
const folder = await scratchFolder();
const MODEL = join(import.meta.dirname, '../../reference/fixtures/bert-cls/model');

describe.skipIf(!tested)('a run on webgpu', async () => {
  const { cli } = await bundleCli(folder, join(import.meta.dirname, 'fragile-engine.ts'));
  await onlyWebgpu();

  it('trains from the command line, and run.json names the adapter', async () => {
    const file = await config('whole', 'webgpu', 3);
    const { directory, code } = await train([file]);
    expect(code).toBe(0);
    const { backend } = await readManifest(directory);
    expect(backend).toMatchObject({ name: 'webgpu', refused: [] });
    expect(backend.device).toMatch(/\w{3}/);
    const { steps, status, probes } = await openRun(directory);
    expect(status).toBe('completed');
    expect(steps.loss.every(Number.isFinite)).toBe(true);
    expect(probes.length).toBeGreaterThan(0);
  });

  it('that loses its GPU says so, keeps its checkpoint, and goes on elsewhere only with auto', async () => {
    const software = { FLATSCAPE_SOFTWARE_GPU: '1', LOSE_GPU_AT: '2' };
    const away = { VK_DRIVER_FILES: '/nowhere', VK_ICD_FILENAMES: '/nowhere' };
    for (const name of ['auto', 'webgpu']) {
      const { directory, code } = await train([await config(`lost-${name}`, name, 0)], software);
      expect(code).not.toBe(0);
      const lost = await openRun(directory);
      expect(lost.status).toBe('failed');
      expect(lost.error).toMatchObject({ code: 'gpu-lost' });
      expect(lost.error?.remedy).toMatch(/checkpoint is intact/);
      expect(lost.checkpoints.map(({ step }) => step)).toEqual([1]);
      expect(await readManifest(directory)).toMatchObject({ backend: { name: 'webgpu' } });
      // The next run must ask the card anew.
      expect(await readdir(join(folder, 'backends', 'verdicts'))).toEqual([]);

      const resumed = await train(['--resume', directory], away);
      const after = await openRun(directory);
      if (name === 'webgpu') {
        expect(resumed.code).not.toBe(0);
        expect(resumed.err).toContain('webgpu found no GPU');
        expect(after.status).toBe('failed');
        continue;
      }
      expect(resumed.code).toBe(0);
      expect(after.status).toBe('completed');
      const warnings = after.warnings.map(({ code: which }) => which);
      expect(warnings).toContain('backend-changed');
      expect(warnings).toContain('backend-refused');
    }
  });

  /** Exit code, standard error and run directory of `flatscape train`. */
  async function train(args: string[], env: Readonly<Record<string, string>> = {}) {
    const before = new Set(await runs());
    const options = {
      cwd: folder,
      env: { ...process.env, FLATSCAPE_BACKENDS: join(folder, 'backends'), ...env },
    };
    const { code, err } = await promisify(execFile)(
      process.execPath,
      [cli, 'train', ...args],
      options,
    )
      .then(({ stderr }) => ({ code: 0, err: stderr }))
      .catch((error: { code: number; stderr: string }) => ({
        code: error.code,
        err: error.stderr,
      }));
    const created = (await runs()).find((name) => !before.has(name)) ?? '';
    return { code, err, directory: join(folder, 'runs', created) };
  }
});

async function runs(): Promise<string[]> {
  return readdir(join(folder, 'runs')).catch(() => []);
}

/** A place of installations in which `auto` finds nothing faster. */
async function onlyWebgpu(): Promise<void> {
  if (!tested) return;
  const installation = await readInstallation('webgpu');
  await mkdir(join(folder, 'backends', 'webgpu'), { recursive: true });
  await writeFile(
    join(folder, 'backends', 'webgpu', 'installation.json'),
    JSON.stringify({ ...installation, source: 'dir' }),
  );
}

async function config(name: string, backend: string, probe: number): Promise<string> {
  const rows = Array.from({ length: 8 }, (_, i) => ({
    text: ['a man is walking', 'the woman sleeps on a chair'][i % 2],
    label: ['no', 'yes'][i % 2],
  }));
  await writeFile(join(folder, 'data.jsonl'), rows.map((row) => JSON.stringify(row)).join('\n'));
  const file = join(folder, `${name}.flatscape.yaml`);
  await writeFile(
    file,
    `model: { name_or_path: ${JSON.stringify(MODEL)} }
task: { train: data.jsonl, labels: ['no', 'yes'] }
adapter: { r: 2, lora_dropout: 0.1, target_modules: [query] }
method: { name: efmlora }
train: { steps: 3, batch_size: 2, max_length: 8 }
probe: { every: ${probe}, examples: 2 }
checkpoint: { every: 1 }
runtime: { backend: ${backend} }
output: { dir: runs, name: ${name} }
`,
  );
  return file;
}
