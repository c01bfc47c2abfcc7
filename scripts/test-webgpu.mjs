// npm run test:webgpu: the part of the engine's tests that a GPU in software can do in a few minutes, on
// the backend `webgpu`, which is installed unless it is there, and on the driver that VK_DRIVER_FILES
// names, else on Chromium's SwiftShader.
import { spawnSync } from 'node:child_process';
import { stripVTControlCharacters } from 'node:util';
import { ensureNativeBackend } from './native-backend.mjs';
import { ensureSetup, ROOT } from './setup.mjs';
import { softwareDriver } from './vulkan-driver.mjs';

ensureSetup();
Object.assign(process.env, softwareDriver());
const build = spawnSync(process.execPath, ['esbuild.mjs'], { cwd: ROOT, stdio: 'inherit' });
if (build.status !== 0) process.exit(1);
const native = ensureNativeBackend('webgpu');
if (native.unreachable) {
  console.log(`0 passed, 0 failed, all skipped: webgpu is out of reach (${native.unreachable})`);
  process.exit(0);
}

/**
 * The device and whole runs; then ops, two networks, five steps of two methods, and one that stops and
 * goes on: in one process, for a driver in software takes 0.1 s to compile each of 200 shaders.
 */
const PARTS = [
  ['test/engine/webgpu', 'test/engine/ops/backends'],
  [
    ...['test/engine/ops/derivatives', 'test/engine/adapters', 'test/engine/methods'],
    ...['--no-isolate', '--maxWorkers=1', '-t'],
    [
      'differences of its',
      ' on webgpu ',
      "'webgpu' (bert-cls|roberta-mlm) ",
      ' (efmlora-adamw|fmlora-sgd) follows',
      '^efmlora goes on from a saved state',
    ].join('|'),
  ],
];
/** What takes 20 s on a quiet machine of two cores may take minutes on a busy one. */
const PATIENCE = '--testTimeout=300000';
const asked = process.argv.slice(2);
const counts = { passed: 0, failed: 0 };
let broken = false;
for (const part of asked.length > 0 ? [asked] : PARTS) {
  const run = spawnSync(
    process.execPath,
    ['node_modules/vitest/vitest.mjs', 'run', PATIENCE, ...part],
    {
      cwd: ROOT,
      // Named, so that a backend that is missing fails the tests.
      env: { ...process.env, FLATSCAPE_BACKENDS: native.folder, FLATSCAPE_TEST_BACKENDS: 'webgpu' },
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  process.stdout.write(run.stdout);
  const [, failed = 0, passed = 0] =
    /^ *Tests +(?:(\d+) failed \| )?(\d+) passed/m.exec(stripVTControlCharacters(run.stdout)) ?? [];
  counts.passed += Number(passed);
  counts.failed += Number(failed);
  broken ||= run.status !== 0 || Number(passed) === 0;
}
console.log(`${counts.passed} passed, ${counts.failed} failed, on webgpu`);
process.exitCode = broken ? 1 : 0;
