import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeSafetensors } from '../../../src/engine/formats/safetensors-write';
import { CHUNK_BYTES } from '../../../src/engine/inspect-file/values';
import type { CheckpointContents } from '../../../src/shared/checkpoint/contents';
import { DirectReader } from './support';

const FIXTURES = path.resolve(__dirname, '../../reference/fixtures/checkpoints');

/** Sums are compensated here and pairwise in numpy: they differ in the last digits of float64. */
const RELATIVE = 1e-12;

interface Expected {
  name: string;
  values: number;
  nan: number;
  infinite: number;
  negativeInfinite: number;
  zeros: number;
  min: number | null;
  max: number | null;
  mean: number | null;
  std: number | null;
  histograms: { bins: number; counts: number[]; edges: number[] }[];
}
const cases = JSON.parse(
  fs.readFileSync(path.join(FIXTURES, 'histograms.json'), 'utf8'),
) as Expected[];

const close = (found: number, wanted: number | null, scale = Math.abs(wanted ?? 0)) =>
  wanted === null ? Number.isNaN(found) : Math.abs(found - wanted) <= RELATIVE * (scale || 1);

describe('a histogram against numpy', () => {
  const reader = new DirectReader();
  let contents: CheckpointContents;
  beforeAll(async () => {
    ({ contents } = await reader.open(path.join(FIXTURES, 'dtypes.safetensors')));
  });

  it.each(cases)('counts every value of $name', async (expected) => {
    const tensor = contents.tensors.findIndex(({ name }) => name === expected.name);
    for (const { bins, counts, edges } of expected.histograms) {
      const found = await reader.histogram(tensor, bins);
      const { values, nan, infinite, negativeInfinite, zeros } = expected;
      expect(found).toMatchObject({ values, nan, infinite, negativeInfinite, zeros, counts });
      expect(found.rounded).toBe(0);
      const scale = Math.max(Math.abs(expected.min ?? 0), Math.abs(expected.max ?? 0));
      expect(found.edges.every((edge, i) => close(edge, edges[i] ?? null, scale))).toBe(true);
      expect(found.edges.length).toBe(edges.length);
      for (const key of ['min', 'max', 'mean', 'std'] as const)
        expect(close(found[key], expected[key], scale), key).toBe(true);
    }
  });
});

describe('a histogram of a large tensor', () => {
  let dir: string;
  const count = CHUNK_BYTES / 4 + CHUNK_BYTES / 8 + 3;
  const values = Float32Array.from({ length: count }, (_, i) => Math.sin(i) * (i % 1000));
  const reader = new DirectReader();
  beforeAll(async () => {
    dir = fs.mkdtempSync(path.join(os.tmpdir(), 'histogram-'));
    const file = path.join(dir, 'a.safetensors');
    await writeSafetensors(file, [
      { name: 'large', shape: [count], values },
      // Three bytes before it would misalign every read of a naive reader.
      { name: 'odd', shape: [3], values: Uint8Array.of(1, 2, 3) },
    ]);
    // Moved so that the floats lie off every natural boundary.
    const bytes = fs.readFileSync(file);
    const header = JSON.stringify({
      odd: { dtype: 'U8', shape: [3], data_offsets: [0, 3] },
      large: { dtype: 'F32', shape: [count], data_offsets: [3, 3 + 4 * count] },
    });
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(header.length));
    const data = bytes.subarray(bytes.length - 3 - 4 * count, bytes.length - 3);
    fs.writeFileSync(file, Buffer.concat([length, Buffer.from(header), Buffer.of(1, 2, 3), data]));
    await reader.open(file);
  });
  afterAll(() => fs.rmSync(dir, { recursive: true }));

  it('is the same over the edges of the chunks, and reads its bytes twice and no others', async () => {
    const found = await reader.histogram(1, 32);
    const [min, max] = [Math.min(found.min, 0), Math.max(found.max, 0)];
    expect([min, max]).toEqual([
      values.reduce((a, b) => Math.min(a, b)),
      values.reduce((a, b) => Math.max(a, b)),
    ]);
    expect(found.counts.reduce((a, b) => a + b, 0)).toBe(count);
    const inBar = (bar: number) =>
      values.filter(
        (v) =>
          v >= (found.edges[bar] ?? NaN) &&
          (bar === 31 ? v <= (found.edges[32] ?? NaN) : v < (found.edges[bar + 1] ?? NaN)),
      ).length;
    expect(found.counts).toEqual(Array.from({ length: 32 }, (_, bar) => inBar(bar)));
    expect(found.bytesRead).toBe(2 * 4 * count);
  });

  it('can be cancelled', async () => {
    const { id, answer } = reader.ask({ type: 'histogram', version: 1, tensor: 1, bins: 64 });
    reader.cancel(id);
    expect(await answer).toMatchObject({ type: 'failed', problem: { code: 'cancelled' } });
  });
});

it('rounds 64-bit integers beyond 2^53 and says how many', async () => {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'histogram-'));
  const file = path.join(dir, 'a.safetensors');
  await writeSafetensors(file, [
    { name: 'x', shape: [3], values: BigInt64Array.of(2n ** 53n + 1n, 5n, 2n ** 60n) },
  ]);
  const reader = new DirectReader();
  await reader.open(file);
  expect(await reader.histogram(0, 2)).toMatchObject({ rounded: 1, counts: [2, 1] });
  fs.rmSync(dir, { recursive: true });
});
