// npm test: everything that needs no VS Code. Ends with one line, "N passed, N failed".
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { CHROMIUM_HINT, findChromium } from './chromium.mjs';
import { ROOT, ensureSetup } from './setup.mjs';

ensureSetup();

const node = (...args) => [process.execPath, ...args];
const bin = (name, ...args) => node(path.join('node_modules', name), ...args);

/** Each counts as one test; the first words are what is printed. */
const CHECKS = [
  [
    'generated files are up to date',
    node('scripts/generate.mjs', '--check'),
    'scripts/generate.mjs',
  ],
  ['types: host, engine and tests', bin('typescript/bin/tsc', '--noEmit')],
  ['types: pages', bin('typescript/bin/tsc', '--noEmit', '-p', 'webview/tsconfig.json')],
  ['lint', bin('eslint/bin/eslint.js', '--max-warnings', '0', '.')],
  ['format', bin('prettier/bin/prettier.cjs', '--check', '--log-level', 'warn', '.')],
  ['build', node('esbuild.mjs')],
];

const chromium = findChromium();
const counts = { passed: 0, failed: 0, skipped: 0 };
for (const [title, command, needs] of CHECKS) {
  if (needs && !fs.existsSync(path.join(ROOT, needs))) {
    count('skipped', title, `there is no ${needs}`);
    continue;
  }
  const run = spawnSync(command[0], command.slice(1), { cwd: ROOT, encoding: 'utf8' });
  count(run.status === 0 ? 'passed' : 'failed', title, run.status !== 0 && run.stdout + run.stderr);
}
runVitest();
if (!chromium)
  console.log(`Skipped, for want of a browser: tests of the pages. To run them, ${CHROMIUM_HINT}.`);
const skipped = counts.skipped > 0 ? `, ${counts.skipped} skipped` : '';
console.log(`${counts.passed} passed, ${counts.failed} failed${skipped}`);
process.exitCode = counts.failed === 0 && counts.passed > 0 ? 0 : 1;

/** vitest prints what failed; the numbers come from its JSON report. */
function runVitest() {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'flatscape-vitest-'));
  const report = path.join(folder, 'report.json');
  const reporters = ['--reporter=dot', '--reporter=json', `--outputFile.json=${report}`];
  const [command, ...args] = bin(
    'vitest/vitest.mjs',
    'run',
    ...reporters,
    ...process.argv.slice(2),
  );
  // The tests of the pages look for CHROMIUM and skip themselves without it.
  const env = { ...process.env, ...(chromium && { CHROMIUM: chromium }) };
  const run = spawnSync(command, args, { cwd: ROOT, env, stdio: 'inherit' });
  const result = fs.existsSync(report) && JSON.parse(fs.readFileSync(report, 'utf8'));
  fs.rmSync(folder, { recursive: true });
  if (!result) return count('failed', 'vitest', `no report, exit code ${run.status}`);
  counts.passed += result.numPassedTests;
  counts.failed += result.numFailedTests;
  counts.skipped += result.numPendingTests + result.numTodoTests;
  for (const { fullName, failureMessages } of result.testResults.flatMap((f) => f.assertionResults))
    if (failureMessages.length > 0) console.log(`TRIED TWICE ${fullName}: ${failureMessages[0]}`);
  // A test file that does not load fails without a single test.
  const broken = result.testResults.filter(
    (file) => file.status === 'failed' && file.assertionResults.length === 0,
  );
  for (const file of broken) count('failed', path.relative(ROOT, file.name), file.message);
  const accounted = result.numFailedTests + broken.length;
  if (run.status !== 0 && accounted === 0) count('failed', 'vitest', `exit code ${run.status}`);
}

function count(state, title, why) {
  counts[state] += 1;
  const word = { passed: 'PASS', failed: 'FAIL', skipped: 'SKIP' }[state];
  console.log(`${word} ${title}${why ? `: ${why}` : ''}`);
}
