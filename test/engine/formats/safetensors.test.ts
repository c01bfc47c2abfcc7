import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openSafetensors } from '../../../src/engine/formats/safetensors-read';
import { writeSafetensors } from '../../../src/engine/formats/safetensors-write';

let dir: string;
let file: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'safetensors-'));
  file = join(dir, 'model.safetensors');
});
afterEach(() => rm(dir, { recursive: true }));

/** A file by hand: length, header text as given, data. */
function assemble(header: string | Uint8Array, data: Uint8Array = new Uint8Array()): Uint8Array {
  const json = typeof header === 'string' ? new TextEncoder().encode(header) : header;
  const bytes = new Uint8Array(8 + json.length + data.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true);
  bytes.set(json, 8);
  bytes.set(data, 8 + json.length);
  return bytes;
}

function entry(dtype: string, shape: unknown, begin: unknown, end: unknown): unknown {
  return { dtype, shape, data_offsets: [begin, end] };
}

async function openBytes(bytes: Uint8Array): Promise<void> {
  await writeFile(file, bytes);
  await (await openSafetensors(file)).close();
}

async function readOne(dtype: string, data: Uint8Array, shape: number[]): Promise<number[]> {
  const header = JSON.stringify({ x: entry(dtype, shape, 0, data.length) });
  await writeFile(file, assemble(header, data));
  const opened = await openSafetensors(file);
  try {
    return [...(await opened.readF32('x')).values];
  } finally {
    await opened.close();
  }
}

function bytesOf(values: ArrayBufferView): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

const a4 = entry('F32', [1], 0, 4);
const eight = new Uint8Array(8);

describe('a header is accepted', () => {
  it.each<[string, string, Uint8Array]>([
    ['without tensors', '{}', new Uint8Array()],
    ['with metadata alone', '{"__metadata__":{"format":"pt"}}', new Uint8Array()],
    ['with blanks around it', `  ${JSON.stringify({ a: a4 })} \n`, eight.subarray(4)],
    ['with a scalar', JSON.stringify({ a: entry('F32', [], 0, 4) }), eight.subarray(4)],
    [
      'with an empty tensor',
      JSON.stringify({ z: entry('F32', [0, 3], 0, 0), a: a4 }),
      eight.subarray(4),
    ],
    ['out of order', JSON.stringify({ b: entry('F32', [1], 4, 8), a: a4 }), eight],
    ['with extra fields', JSON.stringify({ a: { ...(a4 as object), note: 1 } }), eight.subarray(4)],
    ['with a dtype we cannot read', JSON.stringify({ a: entry('F8_E4M3', [8], 0, 8) }), eight],
  ])('%s', async (_, header, data) => {
    await expect(openBytes(assemble(header, data))).resolves.toBeUndefined();
  });
});

describe('a header is refused', () => {
  const one = (value: unknown): string => JSON.stringify({ a: value });
  it.each<[string, string | Uint8Array, Uint8Array, RegExp]>([
    ['that is not UTF-8', Uint8Array.of(0x7b, 0xff, 0x7d), eight, /UTF-8/],
    ['that is not JSON', '{"a":', eight, /not JSON/],
    ['that is a list', '[]', eight, /not a JSON object/],
    ['that begins with a byte order mark', '\uFEFF{}', new Uint8Array(), /not JSON/],
    ['with a hole at the start', one(entry('F32', [1], 4, 8)), eight, /hole/],
    [
      'with a hole inside',
      JSON.stringify({ a: a4, b: entry('F32', [1], 8, 12) }),
      new Uint8Array(12),
      /hole/,
    ],
    [
      'with an overlap',
      JSON.stringify({ a: entry('F32', [2], 0, 8), b: entry('F32', [1], 4, 8) }),
      eight,
      /overlaps/,
    ],
    [
      'with two tensors in one place',
      JSON.stringify({ a: a4, b: a4 }),
      eight.subarray(4),
      /overlaps/,
    ],
    ['with missing bytes', one(entry('F32', [2], 0, 8)), eight.subarray(4), /truncated/],
    ['with trailing bytes', one(a4), eight, /bytes follow/],
    ['with bytes that do not fit the shape', one(entry('F32', [3], 0, 8)), eight, /does not fit/],
    ['with end before begin', one(entry('F32', [1], 4, 0)), eight, /does not fit/],
    ['whose product overflows', one(entry('F32', [2 ** 40, 2 ** 40], 0, 8)), eight, /does not fit/],
    [
      'whose product overflows to zero in 64 bits',
      one(entry('F32', [2 ** 32, 2 ** 32], 0, 0)),
      new Uint8Array(),
      /does not fit/,
    ],
    ['with half a byte', one(entry('F4', [15], 0, 8)), eight, /does not fit/],
    ['with an unknown dtype', one(entry('F33', [2], 0, 8)), eight, /unknown dtype/],
    ['with a dtype named like a method', one(entry('toString', [2], 0, 8)), eight, /unknown dtype/],
    ['with a negative size', one(entry('F32', [-2], 0, 8)), eight, /malformed/],
    ['with a fractional offset', one(entry('F32', [2], 0.5, 8)), eight, /malformed/],
    [
      'with an unsafe integer',
      '{"a":{"dtype":"U8","shape":[9007199254740993],"data_offsets":[0,9007199254740993]}}',
      eight,
      /malformed/,
    ],
    ['without offsets', one({ dtype: 'F32', shape: [1] }), eight, /malformed/],
    [
      'with three offsets',
      one({ dtype: 'F32', shape: [1], data_offsets: [0, 4, 4] }),
      eight,
      /malformed/,
    ],
    [
      'with metadata that is not strings',
      '{"__metadata__":{"step":1}}',
      new Uint8Array(),
      /metadata/,
    ],
    [
      'with a name used twice',
      `{"a":${JSON.stringify(a4)},"a":${JSON.stringify(a4)}}`,
      eight.subarray(4),
      /twice/,
    ],
  ])('%s', async (_, header, data, message) => {
    await expect(openBytes(assemble(header, data))).rejects.toMatchObject({
      code: 'safetensors-invalid',
      message: expect.stringMatching(message) as string,
      place: { file },
      remedy: expect.any(String) as string,
    });
  });

  it('names the tensor, what was expected and what was found', async () => {
    const header = JSON.stringify({ 'bert.pooler': entry('F32', [3], 0, 8) });
    await expect(openBytes(assemble(header, eight))).rejects.toMatchObject({
      place: { file, at: 'bert.pooler' },
      expected: '12 bytes for F32 [3]',
      found: '8',
    });
  });

  it.each([
    ['is too short for a length', Uint8Array.of(1, 2, 3), /too short/],
    ['ends inside the header', assemble('{"a":1}').subarray(0, 12), /header is truncated/],
    [
      'announces more than 100 MB of header',
      Uint8Array.of(1, 0xe1, 0xf5, 5, 0, 0, 0, 0),
      /plausible/,
    ],
    ['announces more than any number', new Uint8Array(16).fill(0xff), /plausible/],
  ])('in a file that %s', async (_, bytes, message) => {
    await expect(openBytes(bytes)).rejects.toThrow(message);
  });

  it('is refused after any cut of a good file, and after a byte more', async () => {
    await writeSafetensors(file, [
      { name: 'a', shape: [2, 2], values: Float32Array.of(1, 2, 3, 4) },
      { name: 'b', shape: [3], values: BigInt64Array.of(1n, 2n, 3n) },
    ]);
    const good = await readFile(file);
    for (let length = 0; length < good.length; length++)
      await expect(openBytes(good.subarray(0, length)), `${length} bytes`).rejects.toMatchObject({
        code: 'safetensors-invalid',
      });
    await expect(openBytes(Buffer.concat([good, Buffer.of(0)]))).rejects.toThrow(/bytes follow/);
  });
});

describe('values', () => {
  it('F16 widens exactly: all 65,536 patterns against their definition', async () => {
    const bits = Uint16Array.from({ length: 65536 }, (_, i) => i);
    const found = await readOne('F16', bytesOf(bits), [65536]);
    const wrong = [...bits].filter((half) => !Object.is(found[half], halfByDefinition(half)));
    expect(wrong).toEqual([]);
  });

  it('BF16 is the upper half of a float32', async () => {
    const bits = Uint16Array.of(0x3f80, 0xc049, 0x0001, 0x8000, 0x7f80, 0xff80, 0x7fc0);
    const found = await readOne('BF16', bytesOf(bits), [7]);
    expect(found).toEqual([1, -3.140625, 2 ** -133, -0, Infinity, -Infinity, NaN]);
  });

  it.each([
    ['F64', Float64Array.of(0.1, -1e300 / 1e300, Infinity), [Math.fround(0.1), -1, Infinity]],
    ['I64', BigInt64Array.of(-5n, 16777216n), [-5, 16777216]],
    ['U64', BigUint64Array.of(7n), [7]],
    ['I32', Int32Array.of(-3, 9), [-3, 9]],
    ['U32', Uint32Array.of(3), [3]],
    ['I16', Int16Array.of(-32768), [-32768]],
    ['U16', Uint16Array.of(65535), [65535]],
    ['I8', Int8Array.of(-128), [-128]],
    ['U8', Uint8Array.of(255), [255]],
    ['BOOL', Uint8Array.of(0, 1), [0, 1]],
  ])('%s becomes float32', async (dtype, values, expected) => {
    expect(await readOne(dtype, bytesOf(values), [values.length])).toEqual(expected);
  });

  it.each([
    ['F64', Float64Array.of(0, 1e39), 1],
    ['I64', BigInt64Array.of(16777217n), 0],
    ['I64', BigInt64Array.of(2n ** 60n + 1n), 0],
    ['I32', Int32Array.of(1, 2, 16777217), 2],
    ['BOOL', Uint8Array.of(0, 2), 1],
  ])('%s out of range is refused by element', async (dtype, values, index) => {
    await expect(readOne(dtype, bytesOf(values), [values.length])).rejects.toMatchObject({
      code: 'tensor-out-of-range',
      message: expect.stringContaining(`element ${index}`) as string,
      place: { file, at: 'x' },
    });
  });

  it.each([
    ['F8_E4M3', 8],
    ['F8_E5M2', 8],
    ['C64', 1],
    ['F4', 16],
  ])('%s is refused by name', async (dtype, count) => {
    await expect(readOne(dtype, eight, [count])).rejects.toMatchObject({
      code: 'dtype-unsupported',
      found: dtype,
    });
  });

  it('are read where the data is not aligned', async () => {
    const header = JSON.stringify({ m: entry('U8', [1], 0, 1), x: entry('F32', [2], 1, 9) });
    const data = new Uint8Array(9);
    data.set(bytesOf(Float32Array.of(1.5, -2)), 1);
    await writeFile(file, assemble(header, data));
    const opened = await openSafetensors(file);
    expect([...(await opened.readF32('x')).values]).toEqual([1.5, -2]);
    await expect(opened.readF32('y')).rejects.toMatchObject({ code: 'tensor-missing' });
    await opened.close();
  });
});

describe('writing', () => {
  it('gives back every value, in the order of the reference', async () => {
    const tensors = [
      { name: 'b', shape: [2], values: Float32Array.of(1, NaN) },
      { name: 'a', shape: [1, 1], values: Float32Array.of(-0) },
      { name: '10', shape: [3], values: Int8Array.of(1, -2, 3) },
      { name: 'c', shape: [], values: Float64Array.of(Math.PI) },
      { name: 'd', shape: [1], values: BigInt64Array.of(-(2n ** 62n)) },
      { name: '__proto__', shape: [0], values: new Float32Array() },
    ];
    await writeSafetensors(file, tensors, { step: '7' });
    const opened = await openSafetensors(file);
    expect([...opened.tensors.keys()].filter((name) => name !== '10')).toEqual([
      'c',
      'd',
      '__proto__',
      'a',
      'b',
    ]);
    const inFile = [...opened.tensors].sort(([, x], [, y]) => x.end - y.end).map(([name]) => name);
    expect(inFile).toEqual(['c', 'd', '__proto__', 'a', 'b', '10']);
    expect(opened.metadata).toEqual({ step: '7' });
    for (const { name, shape, values } of tensors)
      expect(await opened.readStored(name)).toMatchObject({ shape, values });
    expect([...(await opened.readF64('c')).values]).toEqual([Math.PI]);
    await opened.close();
  });

  it('starts the data on a multiple of 8 and says it is for PyTorch', async () => {
    await writeSafetensors(file, [{ name: 'naïve', shape: [1], values: Float32Array.of(1) }]);
    const bytes = await readFile(file);
    expect(Number(bytes.readBigUInt64LE(0)) % 8).toBe(0);
    expect(bytes.subarray(8).toString()).toMatch(/^\{"__metadata__":\{"format":"pt"\},"naïve"/);
  });

  it('leaves the old file and no other when it fails', async () => {
    await writeFile(file, 'old');
    const values = Float32Array.of(1);
    const broken = Object.defineProperty(Float32Array.of(1), 'buffer', {
      get: () => {
        throw Object.assign(new Error('no space'), { code: 'ENOSPC' });
      },
    });
    const tensors = [
      { name: 'a', shape: [1], values },
      { name: 'b', shape: [1], values: broken },
    ];
    await expect(writeSafetensors(file, tensors)).rejects.toMatchObject({
      code: 'disk-full',
      place: { file },
    });
    expect(await readFile(file, 'utf8')).toBe('old');
    expect(await readdir(dir)).toEqual(['model.safetensors']);
  });

  it('names the file when the folder is missing', async () => {
    const lost = join(dir, 'none', 'x.safetensors');
    await expect(writeSafetensors(lost, [])).rejects.toMatchObject({
      code: 'write-failed',
      place: { file: lost },
    });
  });

  it('refuses a shape that does not fit and a name used twice', async () => {
    const one = { name: 'a', shape: [1], values: Float32Array.of(1) };
    await expect(writeSafetensors(file, [{ ...one, shape: [2] }])).rejects.toThrow(/shape/);
    await expect(writeSafetensors(file, [one, one])).rejects.toThrow(/twice/);
  });
});

function halfByDefinition(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 31;
  const fraction = (half & 1023) / 1024;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  if (exponent === 0) return sign * 2 ** -14 * fraction;
  return sign * 2 ** (exponent - 15) * (1 + fraction);
}
