// npm run test:native: installs the backend `tensorflow` from its wheel, unless it is there, and runs
// the engine's tests on it.
import { spawnSync } from 'node:child_process';
import { ensureSetup, ROOT } from './setup.mjs';

ensureSetup();
// Named, so that a backend that is missing fails the tests.
const env = { ...process.env, FLATSCAPE_TEST_BACKENDS: 'tensorflow' };
const node = (...args) => {
  const run = spawnSync(process.execPath, args, { cwd: ROOT, env, stdio: 'inherit' });
  if (run.status !== 0) process.exit(run.status ?? 1);
};

node('esbuild.mjs');
const cli = 'dist/engine/cli.js';
const list = spawnSync(process.execPath, [cli, 'backends', 'list', '--json'], { encoding: 'utf8' });
const { backends } = JSON.parse(list.stdout);
if (backends.find(({ name }) => name === 'tensorflow').state !== 'works')
  node(cli, 'backends', 'install', 'tensorflow', '--source', 'wheel', '--cpu', '--yes');
node('node_modules/vitest/vitest.mjs', 'run', 'test/engine', ...process.argv.slice(2));
