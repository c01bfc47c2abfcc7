import { copyFile, link, mkdir, rename, rm, statfs, symlink, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import * as z from 'zod';
import { UserError } from '../../shared/errors';
import { writeFileAtomic } from './atomic-file';
import { errnoOf, writeError } from '../../shared/file-errors';
import { isFile } from './files';
import { fetchBlob, type RemoteFile } from './hub-blob';
import { checkInside, repoFolder, type RepoRevision } from './hub-cache';
import { hubFetch, refused, type HubAccess } from './hub-http';
import { TOKENIZER_FILES } from './model-directory';
import { readWeightMap } from './weights-index';

/** Beside the weights: what a model may need. Only `config.json` must exist. */
export const SIDE_FILES: readonly string[] = [
  'config.json',
  'preprocessor_config.json',
  ...TOKENIZER_FILES,
];
export const SINGLE_WEIGHTS = 'model.safetensors';
export const WEIGHTS_INDEX = 'model.safetensors.index.json';

/** Bytes over all files of the model; the total is known from the first report on. */
export interface DownloadProgress {
  readonly file: string;
  readonly receivedBytes: number;
  readonly totalBytes: number;
}

export interface DownloadOptions {
  readonly repo: RepoRevision;
  /** The cache root, see `hubCacheRoot`. */
  readonly root: string;
  readonly access: HubAccess;
  readonly onProgress?: (progress: DownloadProgress) => void;
  readonly signal?: AbortSignal;
}

/**
 * Downloads a model's config, tokenizer and safetensors weights into the cache, in the layout of
 * the Python client. What is there already is not fetched again; what was cut is resumed. The
 * ref is written last, so an interrupted download never passes for a whole model.
 * @returns the snapshot folder
 * @throws UserError `hub-…`, `model-incomplete`, `disk-full`, `download-corrupt`; the signal's
 *         reason when cancelled
 */
export async function downloadModel(options: DownloadOptions): Promise<string> {
  const { repo, root } = options;
  const { commit, files } = await listRepo(options);
  const folder = repoFolder(root, repo.id);
  const snapshot = join(folder, 'snapshots', commit);
  await makeFolders(join(folder, 'blobs'), snapshot, join(folder, '.no_exist', commit));
  const wanted = await wantedFiles({ ...options, commit, files, snapshot });
  await downloadFiles({ ...options, commit, paths: wanted, snapshot });
  await recordAbsent(join(folder, '.no_exist', commit), files);
  if (repo.revision !== commit) {
    const ref = join(folder, 'refs', repo.revision);
    await makeFolders(dirname(ref));
    await writeFileAtomic(ref, commit);
  }
  return snapshot;
}

const repoSchema = z.object({
  sha: z.string().regex(/^[0-9a-f]{40}$/),
  siblings: z.array(z.object({ rfilename: z.string() })),
});

async function listRepo(
  options: DownloadOptions,
): Promise<{ commit: string; files: ReadonlySet<string> }> {
  const { repo, access, signal } = options;
  const url = `${access.endpoint}/api/models/${repo.id}/revision/${encodeURIComponent(repo.revision)}`;
  const response = await hubFetch(access, { url, follow: 'all', ...(signal && { signal }) });
  if (!response.ok) throw refused(response, `${repo.id}@${repo.revision}`, !!access.token);
  const parsed = repoSchema.safeParse(await response.json().catch(() => undefined));
  if (!parsed.success) throw notAHub(url, 'a commit and a list of files');
  return {
    commit: parsed.data.sha,
    files: new Set(parsed.data.siblings.map(({ rfilename }) => rfilename)),
  };
}

interface Listed extends DownloadOptions {
  readonly commit: string;
  readonly files: ReadonlySet<string>;
  readonly snapshot: string;
}

async function wantedFiles(listed: Listed): Promise<readonly string[]> {
  const { repo, files, snapshot } = listed;
  const side = SIDE_FILES.filter((name) => files.has(name));
  if (files.has('config.json')) {
    if (files.has(SINGLE_WEIGHTS)) return [...side, SINGLE_WEIGHTS];
    if (files.has(WEIGHTS_INDEX)) {
      // The index names the shards, so it is fetched before the total is known.
      await downloadFiles({ ...listed, paths: [WEIGHTS_INDEX], onProgress: () => undefined });
      const map = await readWeightMap(join(snapshot, WEIGHTS_INDEX));
      return [...side, WEIGHTS_INDEX, ...new Set(map.values())];
    }
  }
  const pickle = files.has('pytorch_model.bin') || files.has('pytorch_model.bin.index.json');
  throw new UserError({
    code: 'model-incomplete',
    message: 'the repository holds no model that can be read',
    place: { at: repo.id },
    expected: `config.json with ${SINGLE_WEIGHTS} or ${WEIGHTS_INDEX}`,
    found: [...files].sort().slice(0, 20).join(', ') || 'no files',
    ...(pickle && {
      remedy:
        'It holds a Python pickle only: convert it with save_pretrained in an environment you trust.',
    }),
  });
}

interface FilesToFetch extends DownloadOptions {
  readonly commit: string;
  readonly paths: readonly string[];
  readonly snapshot: string;
}

async function downloadFiles(options: FilesToFetch): Promise<void> {
  const { access, paths, root, repo, snapshot, signal, onProgress } = options;
  const remotes: { path: string; remote: RemoteFile }[] = [];
  for (const path of paths) remotes.push({ path, remote: await describe(options, path) });
  const totalBytes = remotes.reduce((sum, { remote }) => sum + remote.size, 0);
  const blobs = join(repoFolder(root, repo.id), 'blobs');
  await checkSpace(blobs, remotes);
  let finished = 0;
  for (const { path, remote } of remotes) {
    const report = (received: number): void =>
      onProgress?.({ file: path, receivedBytes: finished + received, totalBytes });
    report(0);
    const blob = await fetchBlob({
      access,
      remote,
      blobs,
      onBytes: report,
      ...(signal && { signal }),
    });
    await linkIntoSnapshot(blob, join(snapshot, path));
    finished += remote.size;
    onProgress?.({ file: path, receivedBytes: finished, totalBytes });
  }
}

/** Asks for size and checksum; of a large file the hub's redirect says both. */
async function describe(options: FilesToFetch, path: string): Promise<RemoteFile> {
  const { access, repo, commit, signal } = options;
  checkInside(path, 'file');
  const name = path.split('/').map(encodeURIComponent).join('/');
  const url = `${access.endpoint}/${repo.id}/resolve/${commit}/${name}`;
  const response = await hubFetch(access, {
    url,
    method: 'HEAD',
    follow: 'same-origin',
    ...(signal && { signal }),
  });
  if (response.status >= 400) throw refused(response, url, access.token !== undefined);
  const { headers } = response;
  const etag = (headers.get('x-linked-etag') ?? headers.get('etag') ?? '').replace(
    /^(?:W\/)?"?|"$/g,
    '',
  );
  const length = headers.get('x-linked-size') ?? (response.ok ? headers.get('content-length') : '');
  const size = Number(length || NaN);
  // The etag becomes a file name here.
  if (!/^[\w-][\w.-]*$/.test(etag) || !Number.isSafeInteger(size))
    throw notAHub(url, 'an etag and a size');
  return { url, etag, size };
}

function notAHub(url: string, expected: string): UserError {
  return new UserError({
    code: 'hub-unavailable',
    message: 'the answer is not that of a model hub',
    place: { at: url },
    expected,
    remedy: 'Check HF_ENDPOINT, and whether a proxy answers in its place.',
  });
}

async function checkSpace(
  blobs: string,
  remotes: readonly { remote: RemoteFile }[],
): Promise<void> {
  let needed = 0;
  for (const { remote } of remotes)
    if (!(await isFile(join(blobs, remote.etag)))) needed += remote.size;
  const { bavail, bsize } = await statfs(blobs);
  if (needed <= bavail * bsize) return;
  throw new UserError({
    code: 'disk-full',
    message: 'there is not enough space for this model',
    place: { file: blobs },
    expected: `${needed} bytes free`,
    found: `${bavail * bsize}`,
    remedy: 'Free some space, or set HF_HUB_CACHE to a folder on another disk.',
  });
}

/** A relative link as the Python client makes it; a hard link or a copy where links need rights. */
async function linkIntoSnapshot(blob: string, target: string): Promise<void> {
  if (await isFile(target)) return;
  const temporary = `${target}.${process.pid}.tmp`;
  try {
    await mkdir(dirname(target), { recursive: true });
    await rm(temporary, { force: true });
    await symlink(relative(dirname(target), blob), temporary)
      .catch(ifLinksFail(() => link(blob, temporary)))
      .catch(ifLinksFail(() => copyFile(blob, temporary)));
    await rename(temporary, target);
  } catch (error) {
    throw writeError(error, target);
  }
}

function ifLinksFail(instead: () => Promise<void>): (error: unknown) => Promise<void> {
  return (error) => {
    const cannotLink = ['EPERM', 'EACCES', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP', 'EXDEV', 'EISDIR'];
    if (!cannotLink.includes(errnoOf(error) ?? '')) throw error;
    return instead();
  };
}

/** Marks the optional files that this commit lacks, so that offline they count as known absent. */
async function recordAbsent(absent: string, files: ReadonlySet<string>): Promise<void> {
  for (const name of SIDE_FILES) if (!files.has(name)) await writeFile(join(absent, name), '');
}

async function makeFolders(...folders: readonly string[]): Promise<void> {
  for (const folder of folders)
    await mkdir(folder, { recursive: true }).catch((error: unknown) => {
      throw writeError(error, folder);
    });
}
