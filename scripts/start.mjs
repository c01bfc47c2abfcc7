// npm start: the sample fine-tuning in the terminal. Arguments are passed on: npm start -- --help
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { ROOT, ensureSetup } from './setup.mjs';

const SAMPLE = 'samples/glosses/efmlora.flatscape.yaml';

ensureSetup();
const { buildBundles } = await import('../esbuild.mjs');
const cli = path.join(ROOT, 'dist/engine/cli.js');
if (isStale(cli)) {
  console.log('Building …');
  await buildBundles();
}
const args = [cli, 'train', SAMPLE, ...process.argv.slice(2)];
const run = spawnSync(process.execPath, args, { cwd: ROOT, stdio: 'inherit' });
process.exitCode = run.status ?? 1;

/** True when a source file is newer than the bundle, or there is none. */
function isStale(bundle) {
  if (!fs.existsSync(bundle)) return true;
  const built = fs.statSync(bundle).mtimeMs;
  const files = ['src', 'webview'].flatMap((folder) =>
    fs
      .readdirSync(path.join(ROOT, folder), { recursive: true })
      .map((file) => path.join(ROOT, folder, file)),
  );
  const others = ['esbuild.mjs', 'package-lock.json'].map((file) => path.join(ROOT, file));
  return [...files, ...others].some((file) => fs.statSync(file).mtimeMs > built);
}
