// npm run results: builds the product and the comparison of the methods in build/results, gets the
// model and the data, and runs it. Arguments are passed on: npm run results -- --help
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { sampleCache } from './samples/cache.mjs';
import { ROOT, ensureSetup } from './setup.mjs';

ensureSetup();
const args = process.argv.slice(2);
const outdir = path.join(ROOT, 'build/results');
const results = await build();
if (!args.includes('--help') && !args.includes('-h'))
  execFileSync(process.execPath, ['scripts/samples/prepare_spam.mjs'], {
    cwd: ROOT,
    stdio: 'inherit',
  });
const samples = sampleCache('spam');
const run = spawnSync(process.execPath, [results, ...args], {
  cwd: ROOT,
  // Not as arguments: the page names the command as it was given.
  env: {
    ...process.env,
    FLATSCAPE_RESULTS_SAMPLES: samples,
    FLATSCAPE_RESULTS_FOLDER: path.join(samples, '../../results'),
  },
  stdio: 'inherit',
});
process.exitCode = run.status ?? 1;

/**
 * The product as it ships, beside the comparison; never into dist, which others may be running.
 * @returns path of the comparison's bundle
 */
async function build() {
  const { default: esbuild } = await import('esbuild');
  const { bundles, copies, settings } = await import('../esbuild.mjs');
  const engine = bundles.find(({ name }) => name === 'engine');
  const entries = {
    ...engine.entries,
    'engine/results': 'bench/results/main.ts',
    'engine/results-time-worker': 'bench/results/time-worker.ts',
  };
  // Without the pages: nobody reads the report of each of these runs.
  for (const bundle of bundles.filter(({ name }) => ['engine', 'cli'].includes(name))) {
    const own = bundle === engine ? { ...engine, entries } : bundle;
    await esbuild.build({ ...settings(own, ROOT, true), outdir });
  }
  for (const { from, to } of copies(ROOT).filter((copy) => copy.to.startsWith('engine/'))) {
    const target = path.join(outdir, to);
    fs.mkdirSync(path.dirname(target), { recursive: true });
    fs.copyFileSync(path.join(ROOT, from), target);
  }
  return path.join(outdir, 'engine/results.js');
}
