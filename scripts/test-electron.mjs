// npm run test:electron: the integration suite in a desktop VS Code, which this downloads.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { ROOT, ensureSetup } from './setup.mjs';

ensureSetup();

// Only now: these modules need installed packages.
const { downloadAndUnzipVSCode, runTests } = await import('@vscode/test-electron');
const { buildBundles } = await import('../esbuild.mjs');
const { bundleSuite } = await import('../test/vscode/harness/bundle.mjs');

const temporary = fs.mkdtempSync(path.join(os.tmpdir(), 'flatscape-electron-'));
try {
  const outcomes = await runSuite();
  const count = (state) => outcomes.filter((outcome) => outcome.state === state).length;
  for (const { title, state, message } of outcomes) {
    console.log(`${state === 'passed' ? 'PASS' : state === 'failed' ? 'FAIL' : 'SKIP'} ${title}`);
    if (message) console.log(message);
  }
  console.log(`${count('passed')} passed, ${count('failed')} failed`);
  process.exitCode = count('passed') > 0 && count('failed') === 0 ? 0 : 1;
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
} finally {
  fs.rmSync(temporary, { recursive: true, force: true });
}

async function runSuite() {
  await buildBundles();
  const { entry } = await bundleSuite(ROOT);
  const workspace = path.join(temporary, 'workspace');
  const fixture = path.join(ROOT, 'test/vscode/workspace');
  fs.mkdirSync(workspace);
  if (fs.existsSync(fixture)) fs.cpSync(fixture, workspace, { recursive: true });
  const results = path.join(temporary, 'results.json');
  const failure = await runTests({
    vscodeExecutablePath: await desktop(),
    extensionDevelopmentPath: ROOT,
    extensionTestsPath: entry,
    extensionTestsEnv: { FLATSCAPE_RESULTS: results },
    launchArgs: [workspace, '--disable-extensions', '--disable-workspace-trust'],
  }).then(
    () => undefined,
    (error) => error,
  );
  // A failed test ends VS Code with an error, too; the outcomes say more.
  if (fs.existsSync(results)) return JSON.parse(fs.readFileSync(results, 'utf8'));
  throw new Error(`The desktop VS Code gave no results: ${failure?.message ?? 'it ended early'}`);
}

/** `VSCODE` names an installed one; otherwise the stable release is downloaded and kept. */
async function desktop() {
  if (process.env.VSCODE) return process.env.VSCODE;
  try {
    return await downloadAndUnzipVSCode('stable');
  } catch (error) {
    const remedy = 'Set VSCODE to the path of an installed one, or use: npm run test:vscode';
    throw new Error(`VS Code could not be downloaded (${error.message}). ${remedy}`, {
      cause: error,
    });
  }
}
