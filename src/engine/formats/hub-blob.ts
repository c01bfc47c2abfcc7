import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { UserError, isUserError } from '../../shared/errors';
import { errnoOf, writeError } from '../../shared/file-errors';
import { isFile } from './files';
import { hubFetch, refused, unreachable, type HubAccess } from './hub-http';

/** A file as the hub describes it. `etag` is its SHA-256 (large files) or git blob SHA-1. */
export interface RemoteFile {
  readonly url: string;
  readonly etag: string;
  readonly size: number;
}

export interface FetchBlobOptions {
  readonly access: HubAccess;
  readonly remote: RemoteFile;
  /** The repository's `blobs` folder; must exist. */
  readonly blobs: string;
  /** Bytes of this file that are on disk so far. */
  readonly onBytes: (received: number) => void;
  readonly signal?: AbortSignal;
}

/**
 * Brings one file into `blobs/<etag>`, or finds it there. Writes to an `.incomplete` file, which
 * a later call resumes with a range request; checks size and checksum before the final rename.
 * @returns the blob's path
 * @throws UserError `download-corrupt`, `disk-full`, `write-failed` and those of `hubFetch`; the
 *         signal's reason when cancelled
 */
export async function fetchBlob(options: FetchBlobOptions): Promise<string> {
  const { remote, blobs } = options;
  const blob = join(blobs, remote.etag);
  if ((await isFile(blob)) && (await sizeOf(blob)) === remote.size) return blob;
  const partial = await claimPartial(blobs, remote.etag);
  try {
    await receiveAll(partial, options);
    await verify(partial, remote);
    await rename(partial, blob);
  } catch (error) {
    throw writeError(error, partial);
  }
  return blob;
}

/** Consecutive failures without a single new byte before giving up. */
const MAX_BARREN_TRIES = 4;

async function receiveAll(partial: string, options: FetchBlobOptions): Promise<void> {
  const { remote, signal } = options;
  let barren = 0;
  for (;;) {
    const before = await sizeOf(partial);
    if (before === remote.size) return;
    try {
      await receive(partial, before, options);
    } catch (error) {
      signal?.throwIfAborted();
      if (!isTransient(error)) throw error;
      barren = (await sizeOf(partial)) > before ? 0 : barren + 1;
      if (barren >= MAX_BARREN_TRIES) throw error;
      await delay(250 * 2 ** barren, undefined, signal && { signal });
    }
  }
}

function isTransient(error: unknown): boolean {
  return isUserError(error) && ['hub-unreachable', 'hub-unavailable'].includes(error.code);
}

/** One request: appends from `offset` where the server resumes, else starts over. */
async function receive(partial: string, offset: number, options: FetchBlobOptions): Promise<void> {
  const { access, remote, onBytes, signal } = options;
  const response = await hubFetch(access, {
    url: remote.url,
    follow: 'all',
    ...(offset > 0 && offset < remote.size && { headers: { range: `bytes=${offset}-` } }),
    ...(signal && { signal }),
  });
  const resumes =
    response.status === 206 &&
    response.headers.get('content-range')?.startsWith(`bytes ${offset}-`);
  if (response.status !== 200 && !resumes) {
    await response.body?.cancel();
    throw refused(response, remote.url, access.token !== undefined);
  }
  const handle = await open(partial, resumes ? 'a' : 'w');
  let received = resumes ? offset : 0;
  try {
    for await (const chunk of bodyOf(response, remote.url, signal)) {
      if (received + chunk.length > remote.size) throw corrupt(remote, 'more bytes than announced');
      await handle.appendFile(chunk);
      received += chunk.length;
      onBytes(received);
    }
    await handle.sync();
  } finally {
    await handle.close();
  }
  if (received < remote.size) throw unreachable(remote.url, new Error('the connection was cut'));
}

async function* bodyOf(
  response: Response,
  url: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  if (response.body === null) return;
  const reader = response.body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read().catch((error: unknown) => {
        signal?.throwIfAborted();
        throw unreachable(url, error);
      });
      if (done) return;
      yield value;
    }
  } finally {
    await reader.cancel().catch(() => undefined); // Already broken: nothing is left to cancel.
  }
}

async function verify(partial: string, remote: RemoteFile): Promise<void> {
  const { etag, size } = remote;
  const isSha256 = /^[0-9a-f]{64}$/.test(etag);
  const isGitBlob = /^[0-9a-f]{40}$/.test(etag);
  // Any other etag is only a name: the size, already equal, is all that can be checked.
  if (!isSha256 && !isGitBlob) return;
  const hash = createHash(isSha256 ? 'sha256' : 'sha1');
  if (isGitBlob) hash.update(`blob ${size}\0`);
  await pipeline(createReadStream(partial, { highWaterMark: 1 << 20 }), hash);
  const found = hash.digest('hex');
  if (found === etag) return;
  await rm(partial);
  throw corrupt(remote, found);
}

function corrupt({ url, etag }: RemoteFile, found: string): UserError {
  return new UserError({
    code: 'download-corrupt',
    message: 'the downloaded file is not the one the hub announced',
    place: { at: url },
    expected: `checksum ${etag}`,
    found,
    remedy: 'Try again; if it happens again, a proxy or mirror is altering the file.',
  });
}

/**
 * The path to write to. A file left by a process that is gone is taken over by renaming it, which
 * only one process can win; one that is still being written by another is left alone.
 */
async function claimPartial(blobs: string, etag: string): Promise<string> {
  const own = join(blobs, `${etag}.${process.pid}.incomplete`);
  if (await isFile(own)) return own;
  for (const name of await readdir(blobs)) {
    const pid = /^(.+)\.(\d+)\.incomplete$/.exec(name);
    if (!pid || pid[1] !== etag || isRunning(Number(pid[2]))) continue;
    try {
      await rename(join(blobs, name), own);
      return own;
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw writeError(error, basename(own));
    }
  }
  return own;
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errnoOf(error) === 'EPERM';
  }
}

async function sizeOf(file: string): Promise<number> {
  try {
    return (await stat(file)).size;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return 0;
    throw error;
  }
}
