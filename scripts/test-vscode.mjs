// npm run test:vscode: the package in a real VS Code. --only TEXT selects, --shots DIR keeps pictures.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { ROOT, ensureSetup } from './setup.mjs';

const { values } = parseArgs({ options: { only: { type: 'string' }, shots: { type: 'string' } } });
ensureSetup();

// Only now: these modules need installed packages.
const { ensureChromium } = await import('./chromium.mjs');
const { packageExtension } = await import('./package.mjs');
const { installServer } = await import('./vscode-server/install.mjs');
const { bundleSuite } = await import('../test/vscode/harness/bundle.mjs');
const { runDrive } = await import('../test/vscode/harness/drive.mjs');
const { runInExtensionHost } = await import('../test/vscode/harness/integration.mjs');

const counts = { passed: 0, failed: 0, skipped: 0 };
try {
  installServer();
  ensureChromium();
  const vsix = await packageExtension();
  report({ title: 'the package holds what it should, within its size', state: 'passed' });
  await runIntegration();
  await runDrives(vsix);
} catch (error) {
  report({ title: 'the test run itself', state: 'failed', message: error.stack });
}
const skipped = counts.skipped > 0 ? `, ${counts.skipped} skipped` : '';
if (counts.passed + counts.failed <= 1) {
  report({ title: 'no test of the editor ran', state: 'failed' });
}
console.log(`${counts.passed} passed, ${counts.failed} failed${skipped}`);
process.exitCode = counts.failed === 0 ? 0 : 1;

/** The suite that needs the `vscode` module. */
async function runIntegration() {
  const { entry, suites } = await bundleSuite(ROOT);
  if (suites === 0) return;
  const workspace = fs.mkdtempSync(path.join(os.tmpdir(), 'flatscape-workspace-'));
  const fixture = path.join(ROOT, 'test/vscode/workspace');
  if (fs.existsSync(fixture)) fs.cpSync(fixture, workspace, { recursive: true });
  try {
    const { only } = values;
    const options = { extension: ROOT, tests: entry, workspace, ...(only && { only }) };
    (await runInExtensionHost(options)).forEach(report);
  } catch (error) {
    report({ title: 'the integration suite', state: 'failed', message: error.message });
  } finally {
    fs.rmSync(workspace, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** The drives that look at the screen, one fresh server each. */
async function runDrives(vsix) {
  const folder = path.join(ROOT, 'test/vscode/drives');
  const names = fs.existsSync(folder) ? fs.readdirSync(folder).sort() : [];
  const shots = values.shots && path.resolve(values.shots);
  if (shots) fs.mkdirSync(shots, { recursive: true });
  for (const file of names.filter((name) => name.endsWith('.mjs'))) {
    const drive = await import(pathToFileURL(path.join(folder, file)).href);
    if (values.only && !drive.name.includes(values.only)) continue;
    const started = Date.now();
    try {
      const left = await runDrive(drive, { root: ROOT, vsix, shots });
      const title = `${drive.name} (${((Date.now() - started) / 1000).toFixed(1)} s)`;
      report({ title, state: 'passed' });
      if (left) report({ title: drive.name, state: 'skipped', message: left });
    } catch (error) {
      report({ title: drive.name, state: 'failed', message: error.stack });
    }
  }
}

function report({ title, state, message }) {
  counts[state] += 1;
  const word = { passed: 'PASS', failed: 'FAIL', skipped: 'SKIP' }[state];
  console.log(`${word} ${title}${message ? `\n${message.replace(/^/gm, '     ')}` : ''}`);
}
