import {
  mkdir,
  mkdtemp,
  readFile,
  readdir,
  readlink,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findCached, hubCacheRoot, isOffline } from '../../../src/engine/formats/hub-cache';
import type { DownloadProgress } from '../../../src/engine/formats/hub-download';
import { resolveModel } from '../../../src/engine/formats/resolve-model';
import { COMMIT, gitBlob, sha256, startStandInHub, type StandInHub } from './stand-in-hub';

let dir: string;
let root: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'hub-'));
  root = join(dir, 'hub');
});
afterEach(() => rm(dir, { recursive: true }));

describe('the cache root', () => {
  it.each([
    [{ HF_HUB_CACHE: '/a', HUGGINGFACE_HUB_CACHE: '/b', HF_HOME: '/c' }, '/a'],
    [{ HUGGINGFACE_HUB_CACHE: '/b', HF_HOME: '/c' }, '/b'],
    [{ HF_HOME: '/c', XDG_CACHE_HOME: '/d' }, '/c/hub'],
    [{ XDG_CACHE_HOME: '/d' }, '/d/huggingface/hub'],
    [{}, join(homedir(), '.cache/huggingface/hub')],
    [{ HF_HOME: '~/x' }, join(homedir(), 'x/hub')],
  ])('of %j is %s', (env, expected) => {
    expect(hubCacheRoot(env)).toBe(expected);
  });

  it.each([
    [{ HF_HUB_OFFLINE: '1' }, true],
    [{ HF_HUB_OFFLINE: 'Yes' }, true],
    [{ HF_HUB_OFFLINE: '0', TRANSFORMERS_OFFLINE: '1' }, false],
    [{ TRANSFORMERS_OFFLINE: 'true' }, true],
    [{ HF_HUB_OFFLINE: 'y' }, false],
    [{}, false],
  ])('offline by %j: %s', (env, expected) => {
    expect(isOffline(env)).toBe(expected);
  });
});

describe('the cache', () => {
  const repo = { id: 'org/tiny', revision: 'main' };
  const put = async (path: string, content: string): Promise<void> => {
    const file = join(root, 'models--org--tiny', path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, content);
  };

  it('follows a ref, whose trailing newline it trims, and a revision with slashes', async () => {
    await put('refs/main', `${COMMIT}\n`);
    await put('refs/refs/pr/1', COMMIT);
    await put(`snapshots/${COMMIT}/config.json`, '{}');
    for (const revision of ['main', 'refs/pr/1', COMMIT])
      expect(await findCached(root, { ...repo, revision }, 'config.json')).toMatchObject({
        kind: 'found',
        commit: COMMIT,
      });
  });

  it('does not take an abbreviated commit, nor another snapshot', async () => {
    await put(`snapshots/${COMMIT}/config.json`, '{}');
    for (const revision of [COMMIT.slice(0, 7), 'main'])
      expect(await findCached(root, { ...repo, revision }, 'config.json')).toMatchObject({
        kind: 'not-cached',
      });
  });

  it('tells known absent from not cached', async () => {
    await put('refs/main', COMMIT);
    await put(`.no_exist/${COMMIT}/vocab.txt`, '');
    expect(await findCached(root, repo, 'vocab.txt')).toEqual({
      kind: 'known-absent',
      commit: COMMIT,
    });
    expect(await findCached(root, repo, 'config.json')).toMatchObject({ kind: 'not-cached' });
  });

  it('takes a dangling link as not cached and refuses one that leaves the root', async () => {
    await put('refs/main', COMMIT);
    await put(`snapshots/${COMMIT}/README.md`, '');
    const snapshot = join(root, 'models--org--tiny/snapshots', COMMIT);
    await symlink('../../blobs/none', join(snapshot, 'config.json'));
    expect(await findCached(root, repo, 'config.json')).toMatchObject({ kind: 'not-cached' });
    await writeFile(join(dir, 'secret'), '');
    await symlink(join(dir, 'secret'), join(snapshot, 'vocab.txt'));
    await expect(findCached(root, repo, 'vocab.txt')).rejects.toMatchObject({
      code: 'hub-cache-escape',
    });
  });

  it('allows a blob shared across repositories', async () => {
    await put('refs/main', COMMIT);
    await put(`snapshots/${COMMIT}/README.md`, '');
    await mkdir(join(root, 'blobs/ab'), { recursive: true });
    await writeFile(join(root, 'blobs/ab/abc'), '{}');
    const link = join(root, 'models--org--tiny/snapshots', COMMIT, 'config.json');
    await symlink(join(root, 'blobs/ab/abc'), link);
    expect(await findCached(root, repo, 'config.json')).toMatchObject({ kind: 'found' });
  });

  it.each(['../../x', '/etc/passwd', 'a/../b', 'C:\\x', ''])(
    'refuses the revision %j and the file %j',
    async (name) => {
      const invalid = { code: 'model-id-invalid' };
      await expect(findCached(root, { ...repo, revision: name }, 'a')).rejects.toMatchObject(
        invalid,
      );
      await expect(findCached(root, repo, name)).rejects.toMatchObject(invalid);
    },
  );
});

describe('a download', () => {
  const weights = Buffer.from(Uint8Array.from({ length: 300_000 }, (_, i) => (i * 7) % 251));
  const small = Buffer.from('{"model_type":"bert"}');
  let files: Map<string, Buffer>;
  let hub: StandInHub;
  let env: Record<string, string>;
  beforeEach(async () => {
    files = new Map([
      ['config.json', small],
      ['vocab.txt', Buffer.from('[PAD]\n')],
      ['model.safetensors', weights],
      ['pytorch_model.bin', Buffer.from('pickle')],
      ['README.md', Buffer.from('card')],
    ]);
    hub = await startStandInHub(files);
    env = { HF_ENDPOINT: hub.endpoint, HF_HOME: dir };
  });
  afterEach(() => hub.close());

  const resolve = (more: object = {}): ReturnType<typeof resolveModel> =>
    resolveModel({ id: 'org/tiny', configDir: dir, env, ...more });
  const repoDir = (): string => join(root, 'models--org--tiny');

  it('fills the cache as the Python client does, and what is not needed stays away', async () => {
    const { dir: snapshot, from } = await resolve({ revision: 'v1/beta' });
    expect(from).toBe('download');
    expect(snapshot).toBe(join(repoDir(), 'snapshots', COMMIT));
    expect((await readdir(snapshot)).sort()).toEqual([
      'config.json',
      'model.safetensors',
      'vocab.txt',
    ]);
    expect(await readlink(join(snapshot, 'model.safetensors'))).toBe(
      `../../blobs/${sha256(weights)}`,
    );
    expect(await readlink(join(snapshot, 'config.json'))).toBe(`../../blobs/${gitBlob(small)}`);
    expect(await readFile(join(snapshot, 'model.safetensors'))).toEqual(weights);
    expect(await readFile(join(repoDir(), 'refs/v1/beta'), 'utf8')).toBe(COMMIT);
    expect(await readdir(join(repoDir(), '.no_exist', COMMIT))).toContain('tokenizer.json');
    expect((await readdir(join(repoDir(), 'blobs'))).some((name) => name.includes('.'))).toBe(
      false,
    );
  });

  it('is not repeated: the second time nothing is asked', async () => {
    await resolve();
    hub.seen.length = 0;
    expect(await resolve()).toMatchObject({ from: 'cache' });
    expect(await resolve({ offline: true })).toMatchObject({ from: 'cache' });
    expect(hub.seen).toEqual([]);
  });

  it('reports bytes that grow to the total of all files', async () => {
    const reports: DownloadProgress[] = [];
    await resolve({ onProgress: (report: DownloadProgress) => reports.push(report) });
    const total = small.length + 6 + weights.length;
    expect(reports.every(({ totalBytes }) => totalBytes === total)).toBe(true);
    const received = reports.map(({ receivedBytes }) => receivedBytes);
    expect(received).toEqual([...received].sort((a, b) => a - b));
    expect(received.at(-1)).toBe(total);
  });

  it('resumes after the connection is cut, asking only for the rest', async () => {
    hub.cuts.push(100_000, 50_000);
    const { dir: snapshot } = await resolve();
    expect(await readFile(join(snapshot, 'model.safetensors'))).toEqual(weights);
    const ranges = hub.seen.filter(({ server }) => server === 'store').map(({ range }) => range);
    expect(ranges).toEqual([undefined, 'bytes=100000-', 'bytes=150000-']);
  });

  it('resumes what a process that is gone has left', async () => {
    await mkdir(join(repoDir(), 'blobs'), { recursive: true });
    // No process has this id: it is beyond the largest the kernel gives.
    const left = join(repoDir(), 'blobs', `${sha256(weights)}.4194305.incomplete`);
    await writeFile(left, weights.subarray(0, 200_000));
    const { dir: snapshot } = await resolve();
    expect(await readFile(join(snapshot, 'model.safetensors'))).toEqual(weights);
    expect(hub.seen.find(({ server }) => server === 'store')?.range).toBe('bytes=200000-');
  });

  it('that arrives altered is thrown away, and no model appears', async () => {
    hub.corrupt = true;
    await expect(resolve()).rejects.toMatchObject({
      code: 'download-corrupt',
      expected: `checksum ${sha256(weights)}`,
    });
    expect(await readdir(repoDir())).not.toContain('refs');
    await expect(resolve({ offline: true })).rejects.toMatchObject({ code: 'model-not-found' });
    hub.corrupt = false;
    expect(await readFile(join((await resolve()).dir, 'model.safetensors'))).toEqual(weights);
  });

  it('sends the token to the hub and never to where it redirects', async () => {
    hub.token = 'secret';
    await resolve({ env: { ...env, HF_TOKEN: 'secret' } });
    const sent = (server: string): (string | undefined)[] =>
      hub.seen.filter((one) => one.server === server).map(({ authorization }) => authorization);
    expect(new Set(sent('hub'))).toEqual(new Set(['Bearer secret']));
    expect(sent('store').length).toBeGreaterThan(0);
    expect(new Set(sent('store'))).toEqual(new Set([undefined]));
  });

  it('takes the token from the file of the Python client', async () => {
    hub.token = 'secret';
    await writeFile(join(dir, 'token'), 'secret\n');
    await expect(resolve()).resolves.toMatchObject({ from: 'download' });
  });

  it('without access says so, and how to get it', async () => {
    hub.token = 'secret';
    await expect(resolve()).rejects.toMatchObject({
      code: 'hub-unauthorized',
      found: 'HTTP 401: GatedRepo',
      remedy: expect.stringContaining('HF_TOKEN') as string,
    });
  });

  it.each([
    ['model', { id: 'org/none' }],
    ['revision', { revision: 'none' }],
  ])('of an unknown %s says so', async (_, more) => {
    await expect(resolve(more)).rejects.toMatchObject({ code: 'hub-not-found' });
  });

  it('from nowhere says so', async () => {
    await hub.close();
    await expect(resolve()).rejects.toMatchObject({ code: 'hub-unreachable' });
  });

  it('offline lists every place looked at', async () => {
    await expect(resolve({ env: { ...env, HF_HUB_OFFLINE: '1' } })).rejects.toMatchObject({
      code: 'model-not-found',
      expected: expect.stringContaining(
        `${join(dir, 'org/tiny')}; ${join(repoDir(), 'refs/main')}`,
      ) as string,
    });
    expect(hub.seen).toEqual([]);
  });

  it('can be cancelled, keeps what it has, and goes on from there', async () => {
    const controller = new AbortController();
    hub.cuts.push(120_000);
    const onProgress = ({ receivedBytes }: DownloadProgress): void => {
      if (receivedBytes > 100_000) controller.abort(new Error('cancelled by the user'));
    };
    await expect(resolve({ signal: controller.signal, onProgress })).rejects.toThrow(
      'cancelled by the user',
    );
    hub.seen.length = 0;
    await resolve();
    expect(hub.seen.find(({ server }) => server === 'store')?.range).toMatch(/^bytes=\d{5,}-$/);
  });

  it('of shards fetches those the index names', async () => {
    files.delete('model.safetensors');
    const index = {
      weight_map: { a: 'model-00001-of-00002.safetensors', b: 'model-00002-of-00002.safetensors' },
    };
    files.set('model.safetensors.index.json', Buffer.from(JSON.stringify(index)));
    files.set('model-00001-of-00002.safetensors', weights);
    files.set('model-00002-of-00002.safetensors', weights.subarray(1));
    const { dir: snapshot } = await resolve();
    expect((await readdir(snapshot)).filter((name) => name.endsWith('.safetensors'))).toHaveLength(
      2,
    );
    expect(await resolve({ offline: true })).toMatchObject({ from: 'cache' });
    await rm(join(snapshot, 'model-00002-of-00002.safetensors'));
    await expect(resolve({ offline: true })).rejects.toMatchObject({ code: 'model-not-found' });
  });
});

describe('a local model', () => {
  it('is found relative to the folder of the config, before any cache', async () => {
    await mkdir(join(dir, 'models/tiny'), { recursive: true });
    for (const id of ['models/tiny', './models/tiny', join(dir, 'models/tiny')])
      expect(await resolveModel({ id, configDir: dir, env: { HF_HOME: dir } })).toEqual({
        dir: join(dir, 'models/tiny'),
        from: 'folder',
      });
  });

  it.each(['./none', '../none', '/none', 'a/b/c', 'a--b', 'org/../x'])(
    '%s that is not there is never looked for on the hub',
    async (id) => {
      await expect(resolveModel({ id, configDir: dir, env: {} })).rejects.toMatchObject({
        code: 'model-not-found',
        found: id,
      });
    },
  );
});
