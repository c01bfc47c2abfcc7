// Makes node_modules agree with package-lock.json, so that every npm script works on a fresh clone.
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository's root folder, absolute. */
export const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');

/**
 * Runs `npm ci` unless the installed packages are those of package-lock.json already. Silent when
 * nothing is to be done; one line before an installation; npm's own output only if it fails.
 * @throws Error when npm fails
 */
export function ensureSetup(root = ROOT) {
  const reason = whyInstall(root);
  if (reason === undefined) return;
  console.log(`Installing the packages of package-lock.json (${reason}) …`);
  const npm = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    encoding: 'utf8',
    shell: process.platform === 'win32',
  });
  if (npm.status === 0) return;
  const cause = npm.error?.message ?? `exit code ${npm.status}`;
  // npm lists every package that is out of step, then its manual page; the first lines say it.
  const output = `${npm.stdout}${npm.stderr}`.split('\n').slice(0, 20).join('\n');
  throw new Error(`npm ci failed with ${cause}:\n${output}`);
}

/**
 * Compares package-lock.json with the record that npm keeps of what it installed. Times are not
 * compared: a checkout makes the lock file newer without changing it.
 * @returns why an installation is needed, or undefined
 */
export function whyInstall(root = ROOT) {
  const wanted = readPackages(path.join(root, 'package-lock.json'));
  if (!wanted) throw new Error(`package-lock.json is missing or unreadable in ${root}`);
  const installed = readPackages(path.join(root, 'node_modules', '.package-lock.json'));
  if (!installed) return 'nothing is installed yet';
  for (const [place, entry] of Object.entries(wanted)) {
    if (place === '' || entry.link) continue;
    const found = installed[place];
    // npm leaves out optional packages for other platforms.
    if (!found && (entry.optional || entry.peer)) continue;
    if (found?.version !== entry.version) return `${place.replace('node_modules/', '')} differs`;
  }
  return undefined;
}

function readPackages(file) {
  try {
    return JSON.parse(fs.readFileSync(file, 'utf8')).packages;
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) ensureSetup();
