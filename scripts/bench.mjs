// npm run bench: builds the engine and the benchmark beside it in build/bench, finds or makes the
// Python environment of the comparison, and measures. Arguments are passed on: npm run bench -- --help
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { ROOT, ensureSetup } from './setup.mjs';

ensureSetup();
const args = process.argv.slice(2);
const bench = await build();
const run = spawnSync(process.execPath, [bench, ...args], {
  cwd: ROOT,
  // Not as an argument: the page names the command as it was given.
  env: { ...process.env, ...pythonVariable() },
  stdio: 'inherit',
});
process.exitCode = run.status ?? 1;

/** The pinned environment of the reference, made on first use; none where it is not wanted. */
function pythonVariable() {
  const only = args[args.indexOf('--only') + 1];
  const unwanted = args.includes('--only') && !/pytorch|landscape/.test(only ?? '');
  if (unwanted || ['--python', '--help', '-h'].some((flag) => args.includes(flag))) return {};
  console.log(
    'Python environment of the comparison: ~/.cache/flatscape/reference-venv (made on first use: downloads about 0.4 GB with pip, more with CUDA)',
  );
  const stdio = ['ignore', 'pipe', 'inherit'];
  const venv = spawnSync('bash', ['test/reference/venv.sh'], {
    cwd: ROOT,
    encoding: 'utf8',
    stdio,
  });
  // The benchmark says what it leaves out, and why.
  return venv.status === 0 ? { FLATSCAPE_BENCH_PYTHON: venv.stdout.trim().split('\n').at(-1) } : {};
}

/** Never into dist, which others may be running. @returns path of the benchmark's bundle */
async function build() {
  const { default: esbuild } = await import('esbuild');
  const { bundles, copies, settings } = await import('../esbuild.mjs');
  const engine = bundles.find(({ name }) => name === 'engine');
  const entries = {
    ...engine.entries,
    'engine/bench': 'bench/main.ts',
    'engine/bench-worker': 'bench/worker.ts',
  };
  const outdir = path.join('build', 'bench');
  // As it ships: minified, so that the cold start is the user's.
  await esbuild.build({ ...settings({ ...engine, entries }, ROOT, true), outdir });
  for (const { from, to } of copies(ROOT).filter((copy) => copy.to.startsWith('engine/'))) {
    const target = path.join(ROOT, outdir, to);
    fs.mkdirSync(path.dirname(target), { recursive: true });
    fs.copyFileSync(path.join(ROOT, from), target);
  }
  return path.join(ROOT, outdir, 'engine', 'bench.js');
}
