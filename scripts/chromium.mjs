// The browser that the page tests and the drives use: a Chromium of the system, never a download.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

/** What to tell somebody who has none. */
export const CHROMIUM_HINT =
  'install Chromium (Debian, Ubuntu: sudo apt-get install chromium) or set CHROMIUM to the path of a Chrome or Chromium';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome'];
const MAC = '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome';

/** Path of the executable: `CHROMIUM`, else the first on the PATH; undefined if there is none. */
export function findChromium() {
  if (process.env.CHROMIUM) return process.env.CHROMIUM;
  const folders = (process.env.PATH ?? '').split(path.delimiter);
  const candidates = NAMES.flatMap((name) => folders.map((folder) => path.join(folder, name)));
  return [...candidates, MAC].find((file) => fs.existsSync(file));
}

/**
 * `findChromium`, after installing Debian's package where that is possible: as root, with apt.
 * @throws Error that says how to get one
 */
export function ensureChromium() {
  const present = findChromium();
  if (present) return present;
  if (process.getuid?.() === 0 && fs.existsSync('/usr/bin/apt-get')) {
    console.log('Installing Chromium with apt-get …');
    apt(['update', '-qq']);
    apt(['install', '-y', '-qq', '--no-install-recommends', 'chromium']);
  }
  const installed = findChromium();
  if (!installed) throw new Error(`No Chromium was found: ${CHROMIUM_HINT}.`);
  return installed;
}

function apt(args) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const run = spawnSync('apt-get', args, { env, encoding: 'utf8' });
  if (run.status !== 0) throw new Error(`apt-get ${args[0]} failed:\n${run.stdout}${run.stderr}`);
}
