import esbuild from 'esbuild';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { CheckpointWorker } from '../../../src/client/checkpoint-worker';

const ROOT = path.resolve(__dirname, '../../..');
const FIXTURE = path.join(ROOT, 'test/reference/fixtures/checkpoints/toy');

/** The thread as it ships: bundled, started by path. */
describe('the reader in its thread', () => {
  let dir: string;
  let script: string;
  let worker: CheckpointWorker;

  beforeAll(async () => {
    dir = fs.mkdtempSync(path.join(os.tmpdir(), 'reader-'));
    script = path.join(dir, 'inspect-file.js');
    await esbuild.build({
      entryPoints: [path.join(ROOT, 'src/engine/inspect-file/worker.ts')],
      outfile: script,
      bundle: true,
      platform: 'node',
      format: 'cjs',
      mainFields: ['module', 'main'],
    });
  });
  afterAll(() => fs.rmSync(dir, { recursive: true }));
  afterEach(() => worker.dispose());

  it('opens, measures and counts, and adds up what it has read', async () => {
    worker = new CheckpointWorker(script);
    const file = path.join(FIXTURE, 'adapter_model.safetensors');
    const contents = await worker.open({ kind: 'path', path: file }, 1);
    const header = contents.files[0]?.headerBytes ?? NaN;
    expect(worker.bytesRead).toBe(header);
    const zero = contents.pairs.findIndex(({ module }) => module === 'layers.0.down');
    const { values } = await worker.measurePair(zero, 1);
    // NaN and 0 arrive as what they are.
    expect([values.normB, values.kappaB]).toEqual([0, NaN]);
    const { a, b } = contents.pairs[zero] ?? { a: -1, b: -1 };
    const size = (i: number) => (contents.tensors[i]?.end ?? 0) - (contents.tensors[i]?.begin ?? 0);
    expect(worker.bytesRead).toBe(header + size(a) + size(b));
    const histogram = await worker.histogram({ tensor: a, bins: 8, version: 1 });
    expect(histogram.counts.reduce((x, y) => x + y, 0)).toBe(size(a) / 4);
  });

  it('rejects with the user error of the other side', async () => {
    worker = new CheckpointWorker(script);
    await expect(
      worker.open({ kind: 'path', path: '/none/x.safetensors' }, 1),
    ).rejects.toMatchObject({
      name: 'UserError',
      code: 'file-not-found',
      place: { file: '/none/x.safetensors' },
    });
  });

  it('gives up a long count at once', async () => {
    const file = path.join(dir, 'large.safetensors');
    const bytes = 2 ** 31;
    const json = Buffer.from(
      JSON.stringify({ x: { dtype: 'F32', shape: [bytes / 4], data_offsets: [0, bytes] } }),
    );
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(json.length));
    fs.writeFileSync(file, Buffer.concat([length, json]));
    fs.truncateSync(file, 8 + json.length + bytes);
    worker = new CheckpointWorker(script);
    await worker.open({ kind: 'path', path: file }, 1);
    const abort = new AbortController();
    const progress: number[] = [];
    const count = worker.histogram(
      { tensor: 0, bins: 8, version: 1 },
      {
        signal: abort.signal,
        progress: (done) => {
          progress.push(done);
          abort.abort();
        },
      },
    );
    await expect(count).rejects.toMatchObject({ code: 'cancelled' });
    // Two passes over 2 GiB were to be read; a few chunks were.
    expect(worker.bytesRead).toBeLessThan(bytes / 4);
  });

  it('rejects what waits when the thread ends, and starts anew', async () => {
    worker = new CheckpointWorker(path.join(dir, 'dies.js'));
    fs.writeFileSync(
      path.join(dir, 'dies.js'),
      `require('node:worker_threads').parentPort.on('message', () => process.exit(3));`,
    );
    const ask = () => worker.open({ kind: 'path', path: 'x' }, 1);
    await expect(ask()).rejects.toMatchObject({
      code: 'checkpoint-reader-died',
      remedy: /Read again/,
    });
    await expect(ask()).rejects.toMatchObject({ code: 'checkpoint-reader-died' });
    worker.dispose();
    await expect(ask()).rejects.toMatchObject({ found: 'the editor was closed' });
  });
});
