// Native backends for tests: installed once, `tensorflow` from its wheel, into a folder of their own.
import { spawnSync } from 'node:child_process';
import os from 'node:os';
import path from 'node:path';
import { ROOT } from './setup.mjs';

const CLI = path.join(ROOT, 'dist/engine/cli.js');

/** Errors that say nothing about Flatscape: the server of the download is out of reach. */
const UNREACHABLE = ['download-unreachable', 'download-stalled'];

/** `$FLATSCAPE_BACKENDS`, or a folder in the cache that no command of the user looks into. */
export function nativeFolder() {
  const cache = process.env.XDG_CACHE_HOME || path.join(os.homedir(), '.cache');
  return process.env.FLATSCAPE_BACKENDS || path.join(cache, 'flatscape', 'test-backends');
}

/**
 * Sees that the backend is there, current and working, with the built command line of dist/.
 * @returns {{ folder: string } | { unreachable: string }} the latter only when its download cannot
 *   be reached; everything else that fails is an error
 * @throws Error with what the installation said
 */
export function ensureNativeBackend(name = 'tensorflow') {
  const source = name === 'tensorflow' ? ['--source', 'wheel'] : [];
  const folder = nativeFolder();
  const started = Date.now();
  const works = backends(folder, 'probe', name).backends?.[0]?.state === 'works';
  const { error } = works
    ? backends(folder, 'update', name, '--yes')
    : backends(folder, 'install', name, ...source, '--yes');
  if (!error) {
    const seconds = ((Date.now() - started) / 1000).toFixed(0);
    console.log(`${name} works, installed in ${folder} (seen to in ${seconds} s)`);
    return { folder };
  }
  const text = `${error.code}: ${error.message}; found ${error.found ?? 'nothing'}`;
  if (UNREACHABLE.includes(error.code)) return { unreachable: text };
  throw new Error(`The backend ${name} could not be installed in ${folder}: ${text}`);
}

/** Answers `flatscape backends …` with its JSON document, or with the error in it. */
function backends(folder, ...args) {
  const run = spawnSync(process.execPath, [CLI, 'backends', ...args, '--json'], {
    encoding: 'utf8',
    env: { ...process.env, FLATSCAPE_BACKENDS: folder },
    // Progress goes to the error stream.
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    return JSON.parse(run.stdout);
  } catch {
    throw new Error(`backends ${args[0]} printed no JSON, exit code ${run.status}:\n${run.stdout}`);
  }
}
