import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openFileSource } from '../../../src/engine/formats/byte-source';
import { writeSafetensors } from '../../../src/engine/formats/safetensors-write';
import { DirectReader } from './support';

let dir: string;
beforeEach(() => {
  dir = fs.mkdtempSync(path.join(os.tmpdir(), 'checkpoint-'));
});
afterEach(() => fs.rmSync(dir, { recursive: true }));

const at = (name: string) => path.join(dir, name);

function header(tensors: Record<string, { dtype: string; shape: number[]; at: [number, number] }>) {
  const entries = Object.entries(tensors).map(([name, { dtype, shape, at }]) => [
    name,
    { dtype, shape, data_offsets: at },
  ]);
  const json = Buffer.from(JSON.stringify(Object.fromEntries(entries)));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json]);
}

/** A file with that header and `data` bytes of nothing, which take no room on the disk. */
function sparse(name: string, head: Buffer, data: number): string {
  fs.writeFileSync(at(name), head);
  fs.truncateSync(at(name), head.length + data);
  return at(name);
}

const shard = (name: string, ...tensors: string[]) =>
  writeSafetensors(
    at(name),
    tensors.map((tensor) => ({ name: tensor, shape: [2], values: Float32Array.of(1, 2) })),
  );
const index = (weightMap: unknown) =>
  fs.writeFileSync(at('model.safetensors.index.json'), JSON.stringify({ weight_map: weightMap }));

describe('opening reads headers only', () => {
  const GIGA = 2 ** 30;

  it('of a file of 4 GB with a few tensors, and then only the tensor asked for', async () => {
    const head = header({
      embed: { dtype: 'F32', shape: [1024, 262_144], at: [0, GIGA] },
      rest: { dtype: 'BF16', shape: [3 * 512, 1024 * 1024], at: [GIGA, 4 * GIGA] },
      tail: { dtype: 'F32', shape: [8], at: [4 * GIGA, 4 * GIGA + 32] },
    });
    const file = sparse('large.safetensors', head, 4 * GIGA + 32);
    const before = fs.statSync(file);
    const reader = new DirectReader();
    const { contents, bytesRead } = await reader.open(file);
    expect(bytesRead).toBe(head.length);
    expect(contents.files[0]).toMatchObject({ size: head.length + 4 * GIGA + 32, tensors: 3 });
    const tail = await reader.histogram(2);
    // Beyond 2^32: offsets are not cut to 32 bits, and both passes read 32 bytes.
    expect(tail).toMatchObject({ values: 8, zeros: 8, bytesRead: 64 });
    const after = fs.statSync(file);
    expect([after.mtimeMs, after.ctimeMs, after.blocks]).toEqual([
      before.mtimeMs,
      before.ctimeMs,
      before.blocks,
    ]);
    expect(fs.readdirSync(dir)).toEqual(['large.safetensors']);
  });

  it('and makes no file that is not there', async () => {
    await expect(new DirectReader().open(at('none.safetensors'))).rejects.toMatchObject({
      code: 'file-not-found',
      place: { file: at('none.safetensors') },
    });
    // Nor does the source by itself, whatever was looked at before.
    await expect(openFileSource(at('none.safetensors'))).rejects.toMatchObject({
      code: 'file-not-found',
    });
    expect(fs.readdirSync(dir)).toEqual([]);
  });
});

describe('a bad file is a named error with file, place, expected, found and remedy', () => {
  const one = { dtype: 'F32', shape: [2], at: [0, 8] as [number, number] };
  const cases: [string, Buffer, number, RegExp, Record<string, unknown>][] = [
    ['truncated', header({ a: one }), 4, /truncated/, { expected: '8 bytes of data', found: '4' }],
    [
      'overlapping',
      header({ a: one, b: { ...one, at: [4, 12] } }),
      12,
      /overlaps/,
      { place: { at: 'b' } },
    ],
    ['with a hole', header({ a: one, b: { ...one, at: [12, 20] } }), 20, /hole/, {}],
    ['with a wrong dtype', header({ a: { ...one, dtype: 'F33' } }), 8, /dtype/, { found: 'F33' }],
    ['not safetensors at all', Buffer.from('PK\u0003\u0004 a zip file, say'), 0, /plausible/, {}],
    ['with an oversized header', Buffer.from([0, 0, 0, 0, 2, 0, 0, 0]), 8, /plausible/, {}],
    ['too short', Buffer.from('abc'), 0, /too short/, { found: 'a file of 3 bytes' }],
    ['a Git LFS pointer', Buffer.from('version https://git-lfs'), 0, /LFS/, {}],
  ];
  it.each(cases)('%s', async (_, head, data, message, facts) => {
    const file = sparse('bad.safetensors', head, data);
    await expect(new DirectReader().open(file)).rejects.toMatchObject({
      code: 'safetensors-invalid',
      message: expect.stringMatching(message) as string,
      remedy: expect.any(String) as string,
      ...facts,
      place: { file, ...(facts['place'] as object | undefined) },
    });
  });

  it('and a dtype without numbers is shown, and refused when its values are asked for', async () => {
    const file = sparse(
      'f8.safetensors',
      header({ a: { dtype: 'F8_E4M3', shape: [8], at: [0, 8] } }),
      8,
    );
    const reader = new DirectReader();
    expect((await reader.open(file)).contents.tensors[0]?.dtype).toBe('F8_E4M3');
    await expect(reader.histogram(0)).rejects.toMatchObject({
      code: 'dtype-unsupported',
      place: { file, at: 'a' },
      found: 'F8_E4M3',
    });
  });
});

describe('a sharded checkpoint', () => {
  const [first, second] = ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors'];

  it.each(['model.safetensors.index.json', first])('opens whole by %s', async (opened) => {
    await shard(first, 'a', 'b');
    await shard(second, 'c');
    index({ a: first, b: first, c: second });
    const { contents } = await new DirectReader().open(at(opened));
    expect(contents.index).toBe('model.safetensors.index.json');
    expect(contents.tensors.map(({ name, file }) => [name, file])).toEqual([
      ['a', 0],
      ['b', 0],
      ['c', 1],
    ]);
    expect(contents.problems).toEqual([]);
  });

  it('shows what is there of an incomplete one, and names what is not', async () => {
    await shard(first, 'a');
    index({ a: first, b: first, c: second });
    const { contents } = await new DirectReader().open(at(first));
    expect(contents.tensors.map(({ name }) => name)).toEqual(['a']);
    expect(contents.problems.map(({ code, place }) => [code, place?.at ?? place?.file])).toEqual([
      ['file-not-found', at(second)],
      ['tensor-missing', 'b'],
    ]);
  });

  it('refuses a shard name that leaves the folder, but shows the shard that was opened', async () => {
    await shard(first, 'a');
    index({ a: '../secret.safetensors' });
    const { contents } = await new DirectReader().open(at(first));
    expect(contents.problems).toMatchObject([{ code: 'weights-index-invalid' }]);
    expect(contents.tensors.length).toBe(1);
    await expect(new DirectReader().open(at('model.safetensors.index.json'))).rejects.toMatchObject(
      { code: 'weights-index-invalid' },
    );
  });

  it('without a shard is an error', async () => {
    index({ a: first });
    await expect(new DirectReader().open(at('model.safetensors.index.json'))).rejects.toMatchObject(
      { code: 'weights-index-invalid', remedy: expect.any(String) as string },
    );
  });
});

describe('a file that changes', () => {
  it('is not measured by the header of its former self', async () => {
    await shard('a.safetensors', 'x');
    const reader = new DirectReader();
    await reader.open(at('a.safetensors'));
    await shard('a.safetensors', 'x', 'y');
    await expect(reader.histogram(0)).rejects.toMatchObject({ code: 'checkpoint-changed' });
  });

  it('is refused under the version of an earlier reading', async () => {
    await shard('a.safetensors', 'x');
    const reader = new DirectReader();
    await reader.open(at('a.safetensors'));
    const { answer } = reader.ask({ type: 'histogram', version: 7, tensor: 0, bins: 4 });
    expect(await answer).toMatchObject({ problem: { code: 'checkpoint-changed' } });
  });
});

describe('bytes of a file system without ranged reads', () => {
  it('open and measure like a file, with the configuration given beside them', async () => {
    const FIXTURE = path.resolve(__dirname, '../../reference/fixtures/checkpoints/toy-rslora');
    const read = (name: string) => fs.readFileSync(path.join(FIXTURE, name));
    const fromFile = new DirectReader();
    const { contents } = await fromFile.open(path.join(FIXTURE, 'adapter_model.safetensors'));
    const fromBytes = new DirectReader();
    const opened = await fromBytes.open({
      kind: 'bytes',
      name: 'memfs:/toy/adapter_model.safetensors',
      bytes: new Uint8Array(read('adapter_model.safetensors')),
      adapterConfig: read('adapter_config.json').toString(),
    });
    expect(opened.contents).toEqual(contents);
    expect(await fromBytes.pair(0)).toEqual(await fromFile.pair(0));
  });
});

describe('a configuration beside the file', () => {
  const files = async (config: unknown) => {
    const lora = (name: string, shape: number[]) => ({
      name: `base_model.model.m.${name}.weight`,
      shape,
      values: new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(1),
    });
    await writeSafetensors(at('adapter_model.safetensors'), [
      lora('lora_A', [2, 4]),
      lora('lora_B', [4, 2]),
    ]);
    fs.writeFileSync(
      at('adapter_config.json'),
      typeof config === 'string' ? config : JSON.stringify(config),
    );
    return (await new DirectReader().open(at('adapter_model.safetensors'))).contents;
  };

  it('that says another rank is a problem with its place', async () => {
    const { pairs, problems } = await files({ peft_type: 'LORA', r: 8, lora_alpha: 16 });
    expect(pairs[0]?.scale).toBe(2);
    expect(problems).toMatchObject([
      { code: 'adapter-rank-differs', place: { at: 'm' }, expected: 'r 8', found: 'r 2' },
    ]);
  });

  it.each([
    ['is not JSON', '{', 'json-invalid'],
    ['has a wrong type', { peft_type: 'LORA', r: 'four' }, 'adapter-config-invalid'],
  ])('that %s leaves s at 1 and is listed', async (_, config, code) => {
    const { pairs, problems } = await files(config);
    expect(pairs[0]).toMatchObject({
      scale: 1,
      scaleNote: expect.stringMatching(/^s = 1/) as string,
    });
    expect(problems).toMatchObject([{ code, place: { file: at('adapter_config.json') } }]);
  });

  it('of a method that we do not run is still looked at', async () => {
    const { pairs } = await files({
      peft_type: 'LORA',
      r: 2,
      lora_alpha: 4,
      init_lora_weights: 'pissa',
    });
    expect(pairs[0]?.scale).toBe(2);
  });
});
