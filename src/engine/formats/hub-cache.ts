import { readFile, realpath } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, resolve, sep } from 'node:path';
import { UserError } from '../../shared/errors';
import { errnoOf, readError } from '../../shared/file-errors';
import { isFile } from './files';

type Env = Readonly<Record<string, string | undefined>>;

/** A model repository at a revision, `main` unless stated. */
export interface RepoRevision {
  readonly id: string;
  readonly revision: string;
}

/** What the cache knows about one file; `looked` are the paths that were tried. */
export type CacheAnswer =
  | { readonly kind: 'found'; readonly file: string; readonly commit: string }
  | { readonly kind: 'known-absent'; readonly commit: string }
  | { readonly kind: 'not-cached'; readonly looked: readonly string[] };

/** The cache folder that Python clients use, so that both share one copy of every model. */
export function hubCacheRoot(env: Env = process.env): string {
  const explicit = env['HF_HUB_CACHE'] || env['HUGGINGFACE_HUB_CACHE'];
  return explicit ? expandHome(explicit) : join(hubHome(env), 'hub');
}

/** The folder of the token and the cache. */
export function hubHome(env: Env = process.env): string {
  if (env['HF_HOME']) return expandHome(env['HF_HOME']);
  return join(expandHome(env['XDG_CACHE_HOME'] || join('~', '.cache')), 'huggingface');
}

/** `HF_HUB_OFFLINE`, else `TRANSFORMERS_OFFLINE`. */
export function isOffline(env: Env = process.env): boolean {
  const value = env['HF_HUB_OFFLINE'] ?? env['TRANSFORMERS_OFFLINE'] ?? '';
  return ['1', 'ON', 'YES', 'TRUE'].includes(value.toUpperCase());
}

/** @throws UserError `model-id-invalid` */
export function repoFolder(root: string, id: string): string {
  if (!isRepoId(id)) {
    throw new UserError({
      code: 'model-id-invalid',
      message: 'this is not the name of a model repository',
      expected: 'name or organisation/name, of letters, digits, ".", "_" and "-"',
      found: id,
    });
  }
  return join(root, `models--${id.replaceAll('/', '--')}`);
}

export function isRepoId(id: string): boolean {
  return /^\w[\w.-]*(\/\w[\w.-]*)?$/.test(id) && !/--|\.\./.test(id) && id.length <= 96;
}

/** The commit that `refs/<revision>` names, if it is there. */
export async function cachedRef(
  root: string,
  { id, revision }: RepoRevision,
): Promise<string | undefined> {
  checkInside(revision, 'revision');
  const ref = join(repoFolder(root, id), 'refs', ...revision.split('/'));
  try {
    // Trimmed, unlike the reference, which a trailing newline breaks.
    const commit = (await readFile(ref, 'utf8')).trim();
    checkInside(commit, 'commit');
    return commit;
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'EISDIR'].includes(errnoOf(error) ?? '')) return undefined;
    throw readError(error, ref);
  }
}

/**
 * Looks one file up in the cache: read-only, no network, the answers of the Python client. Never
 * takes another snapshot as a substitute.
 * @param path  of the file inside the repository, with `/`
 * @throws UserError `hub-cache-escape` if the file resolves outside the cache root
 */
export async function findCached(
  root: string,
  repo: RepoRevision,
  path: string,
): Promise<CacheAnswer> {
  checkInside(path, 'file');
  const folder = repoFolder(root, repo.id);
  const ref = await cachedRef(root, repo);
  // Without a ref the revision must itself be the full name of a snapshot.
  const commit = ref ?? repo.revision;
  if (await isFile(join(folder, '.no_exist', commit, path)))
    return { kind: 'known-absent', commit };
  const file = join(folder, 'snapshots', commit, path);
  if (!(await isFile(file))) {
    const refFile = join(folder, 'refs', repo.revision);
    return { kind: 'not-cached', looked: ref === undefined ? [refFile, file] : [file] };
  }
  await confine(root, file);
  return { kind: 'found', file, commit };
}

/** Blobs may be shared across repositories, so the wall is the root and not the repository. */
async function confine(root: string, file: string): Promise<void> {
  const [realRoot, realFile] = await Promise.all([realpath(root), realpath(file)]);
  if (realFile.startsWith(realRoot + sep)) return;
  throw new UserError({
    code: 'hub-cache-escape',
    message: 'a cached file links to a place outside the cache',
    place: { file },
    found: realFile,
    remedy: 'Delete the link and download the model again.',
  });
}

/** Refuses names that would leave their folder. */
export function checkInside(name: string, what: string): void {
  const parts = name.split('/');
  const plain = parts.every((part) => part !== '' && part !== '.' && part !== '..');
  if (plain && !/[\\:\0]/.test(name)) return;
  throw new UserError({
    code: 'model-id-invalid',
    message: `the ${what} is not a plain relative name`,
    found: name,
  });
}

function expandHome(path: string): string {
  return resolve(path.replace(/^~(?=$|[/\\])/, homedir()));
}
