import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { ensureNativeBackend } from '../../../scripts/native-backend.mjs';
import { installServer, serverFiles } from '../../../scripts/vscode-server/install.mjs';
import { backendReport, DAMAGED, fakeBackend } from '../harness/backends.mjs';
import { openFile } from '../harness/browser.mjs';
import { startRun } from '../harness/dashboard.mjs';
import { journalOf, makeTinyWorkspace, runDirectories, until } from '../harness/runs.mjs';

export const name =
  'with the native backend absent, broken, and working on Node 24: runs complete, the report is true';

/** Instead of a minute and a half: the tests of the engine hold the longer one. */
const PROBE_SECONDS = '4';

/** Ways to be broken, and what the report must say of each. */
const BROKEN = [
  ['damaged', DAMAGED, /built for another machine, or is damaged/],
  ['exits', 'process.exit(3)', /ended its process in the self-test \(exit code 3/],
  ['hangs', 'for (;;);', /did not finish its self-test within 4 s/],
];

export async function run(ctx) {
  const folder = ctx.makeWorkspace();
  const workspace = makeTinyWorkspace(ctx);
  const env = { FLATSCAPE_BACKENDS: folder, FLATSCAPE_PROBE_SECONDS: PROBE_SECONDS };
  const { page, server, browser } = await ctx.open({ workspace, env });
  await openFile(page, 'tiny.flatscape.yaml');

  const absent = await completeRun(page, workspace);
  assert.equal(absent.backend.name, 'wasm');
  assert.match(refusal(absent), /is not installed/);
  assert.deepEqual(warnings(absent), [], 'what was never installed is no news');
  const report = await backendReport(page, /takes wasm/);
  assert.match(report, /tensorflow\tnot installed/);
  await ctx.shot(page, 'backends-absent');

  for (const [how, main, says] of BROKEN) {
    fakeBackend(folder, main);
    const broken = await completeRun(page, workspace);
    assert.equal(broken.backend.name, 'wasm', how);
    assert.match(refusal(broken), says);
    assert.match(warnings(broken).join(), says, 'the journal says that it fell back');
    const text = await backendReport(page, says);
    assert.match(text, /takes wasm/);
    assert.match(text, /tensorflow\trefused/);
    await ctx.shot(page, `backends-${how}`);
  }
  await browser.close();
  await server.stop();
  return workingOnNode24(ctx);
}

/** @returns why it could not be tried */
async function workingOnNode24(ctx) {
  const native = ensureNativeBackend();
  if (native.unreachable) return `the wheel of TensorFlow is out of reach: ${native.unreachable}`;
  const workspace = makeTinyWorkspace(ctx);
  const { node } = serverFiles(installServer());
  const { page } = await ctx.open({
    workspace,
    env: { FLATSCAPE_BACKENDS: native.folder },
    settings: { 'flatscape.runtime.nodePath': node },
  });
  await openFile(page, 'tiny.flatscape.yaml');
  const manifest = await completeRun(page, workspace);
  assert.equal(manifest.backend.name, 'tensorflow');
  assert.match(manifest.versions.node, /^24\./);
  const report = await backendReport(page, /takes tensorflow/);
  assert.match(report, /tensorflow \(auto\)\tworks/);
  assert.match(report, /tensorflow_cpu 2\.21\.0/);
  assert.match(report, /Node\.js 24\./);
  await ctx.shot(page, 'backends-node24');
  assert.deepEqual(page.violations, []);
  return undefined;
}

/** Starts the config that is open and waits for the end. @returns its run.json, with `directory` */
async function completeRun(page, workspace) {
  const number = runDirectories(workspace).length;
  await openFile(page, 'tiny.flatscape.yaml');
  await startRun(page);
  const directory = await until(
    'the end of the run',
    () => {
      const found = runDirectories(workspace)[number];
      return found && journalOf(found).at(-1)?.type === 'ended' && found;
    },
    60_000,
  );
  assert.equal(journalOf(directory).at(-1).status, 'completed');
  return { ...JSON.parse(fs.readFileSync(path.join(directory, 'run.json'), 'utf8')), directory };
}

const refusal = ({ backend }) => backend.refused.find((r) => r.name === 'tensorflow')?.reason ?? '';

const warnings = ({ directory }) =>
  journalOf(directory)
    .filter(({ code }) => code === 'backend-refused')
    .map(({ message }) => message);
