// npm run test:native: those of the engine's tests that choose a backend, on `tensorflow`, which is
// installed from its wheel unless it is there. `npm run test:native -- test/engine` runs all of them.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { ensureNativeBackend } from './native-backend.mjs';
import { ensureSetup, ROOT } from './setup.mjs';

ensureSetup();
const build = spawnSync(process.execPath, ['esbuild.mjs'], { cwd: ROOT, stdio: 'inherit' });
if (build.status !== 0) process.exit(1);
const native = ensureNativeBackend();
if (native.unreachable) {
  console.log(`0 passed, 0 failed, all skipped: the wheel is out of reach (${native.unreachable})`);
  process.exit(0);
}
const vitest = ['node_modules/vitest/vitest.mjs', 'run', '--reporter=dot'];
const files = process.argv.length > 2 ? process.argv.slice(2) : computing('test/engine');
const run = spawnSync(process.execPath, [...vitest, ...files], {
  cwd: ROOT,
  // Named, so that a backend that is missing fails the tests.
  env: { ...process.env, FLATSCAPE_BACKENDS: native.folder, FLATSCAPE_TEST_BACKENDS: 'tensorflow' },
  encoding: 'utf8',
  stdio: ['ignore', 'pipe', 'inherit'],
});
process.stdout.write(run.stdout);
// The closing line, as the other parts of CI have it.
const [, failed = 0, passed = 0] =
  /^ *Tests +(?:(\d+) failed \| )?(\d+) passed/m.exec(stripVTControlCharacters(run.stdout)) ?? [];
console.log(`${passed} passed, ${failed} failed, on tensorflow, in ${files.length} files`);
process.exitCode = run.status === 0 && Number(passed) > 0 ? 0 : 1;

/** Test files that start a backend: the others would only say again what `npm test` has said. */
function computing(folder) {
  return fs
    .readdirSync(path.join(ROOT, folder), { recursive: true })
    .map((file) => path.join(folder, file))
    .filter((file) => file.endsWith('.test.ts') && !file.includes('webgpu'))
    .filter((file) => /tested-backends/.test(fs.readFileSync(path.join(ROOT, file), 'utf8')))
    .sort();
}
