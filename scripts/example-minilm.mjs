// npm run example:minilm: all-MiniLM-L6-v2 on the SpamAssassin e-mails, LoRA beside EFMLoRA.
// Arguments are passed to both runs, e.g. npm run example:minilm -- --set train.steps=20
import { execFileSync, spawnSync } from 'node:child_process';
import path from 'node:path';
import { sampleCache } from './samples/cache.mjs';
import { ROOT, ensureSetup } from './setup.mjs';

const METHODS = ['lora', 'efmlora'];

ensureSetup();
const { buildBundles } = await import('../esbuild.mjs');
await buildBundles();
execFileSync(process.execPath, ['scripts/samples/prepare_spam.mjs'], {
  cwd: ROOT,
  stdio: 'inherit',
});

const cli = path.join(ROOT, 'dist/engine/cli.js');
const folder = sampleCache('spam');
const results = [];
for (const method of METHODS) {
  console.log(`\n${method}`);
  const config = path.join(folder, `${method}.flatscape.yaml`);
  const args = [cli, 'train', config, ...process.argv.slice(2)];
  const run = spawnSync(process.execPath, args, { stdio: 'inherit' });
  if (run.status !== 0) process.exit(run.status ?? 1);
  results.push({ method, ...newestRun() });
}
compare(results);

/** What `show` says of the run that has just ended, whole. */
function newestRun() {
  const json = (...args) =>
    JSON.parse(execFileSync(process.execPath, [cli, ...args, '--json'], { maxBuffer: 1e9 }));
  const [newest] = json('runs', path.join(folder, '.flatscape/runs'));
  return json('show', newest.directory);
}

function compare(runs) {
  const { probes } = runs[0];
  const last = probes.at(-1);
  console.log(
    `\nSharpness on the fixed probe batch: row space, rho ${last.rho}, ${last.examples} ${last.source} examples, seed ${last.seed}, step ${last.step}.`,
  );
  const rows = runs[0].layers.map(({ module }, i) => [
    module.replace(/^.*layer\.(\d+)\..*\.(\w+)$/, '$1.$2'),
    ...runs.map(({ layers }) => layers[i].values.sharpness.toPrecision(4)),
  ]);
  const all = ['all together', ...runs.map((r) => r.probes.at(-1).sharpness.toPrecision(4))];
  print([['module', ...METHODS], ...rows, all]);
  console.log();
  print([
    ['', ...METHODS],
    ['accuracy before', ...runs.map(({ evals }) => evals[0].accuracy.toFixed(4))],
    ['accuracy after', ...runs.map(({ evals }) => evals.at(-1).accuracy.toFixed(4))],
    ['step, median ms', ...runs.map(({ steps }) => median(steps.elapsedMs).toFixed(0))],
    ['backend', ...runs.map(({ manifest }) => manifest.backend.name)],
  ]);
}

function median(values) {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
}

function print(rows) {
  const widths = rows[0].map((_, c) => Math.max(...rows.map((row) => row[c].length)));
  for (const row of rows)
    console.log(
      row.map((v, c) => (c === 0 ? v.padEnd(widths[c]) : v.padStart(widths[c]))).join('  '),
    );
}
