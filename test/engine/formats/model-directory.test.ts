import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { hashFile } from '../../../src/engine/formats/files';
import { openModelDirectory } from '../../../src/engine/formats/model-directory';
import { writeSafetensors } from '../../../src/engine/formats/safetensors-write';

const TINY = join(__dirname, '../../reference/fixtures/bert-cls/model');
let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'model-'));
  await copyFile(join(TINY, 'config.json'), join(dir, 'config.json'));
});
afterEach(() => rm(dir, { recursive: true }));

async function shard(name: string, ...tensors: string[]): Promise<void> {
  await writeSafetensors(
    join(dir, name),
    tensors.map((tensor) => ({ name: tensor, shape: [2], values: Float32Array.of(1, 2) })),
  );
}
const index = (weightMap: unknown): Promise<void> =>
  writeFile(join(dir, 'model.safetensors.index.json'), JSON.stringify({ weight_map: weightMap }));

describe('a model folder', () => {
  it('that transformers saved opens whole', async () => {
    const model = await openModelDirectory(TINY);
    expect(model.config['model_type']).toBe('bert');
    expect(Object.keys(model.tokenizerFiles)).toEqual(['tokenizer.json', 'tokenizer_config.json']);
    expect(model.names()).toContain('bert.pooler.dense.weight');
    expect(model.shape('bert.pooler.dense.weight')).toEqual([32, 32]);
    expect(model.dtype('bert.pooler.dense.weight')).toBe('F32');
    for (const name of model.names()) {
      const { shape, values } = await model.readF32(name);
      expect(values.length).toBe(shape.reduce((a, b) => a * b, 1));
    }
    expect(model.has('none')).toBe(false);
    await expect(model.readF32('none')).rejects.toMatchObject({ code: 'tensor-missing' });
    await model.close();
  });

  it('in shards reads each tensor from its shard', async () => {
    await shard('model-1.safetensors', 'a', 'b');
    await shard('model-2.safetensors', 'c');
    await index({ a: 'model-1.safetensors', c: 'model-2.safetensors' });
    const model = await openModelDirectory(dir);
    expect(model.names()).toEqual(['a', 'c']);
    expect([...(await model.readF32('c')).values]).toEqual([1, 2]);
    expect(model.weightFiles).toHaveLength(2);
    await model.close();
  });

  it.each([
    ['leaves the folder', '../model-1.safetensors'],
    ['has a path', 'sub/model-1.safetensors'],
    ['has a Windows path', 'C:\\model-1.safetensors'],
    ['is another kind of file', 'model-1.bin'],
  ])('is refused when a shard name %s', async (_, name) => {
    await index({ a: name });
    await expect(openModelDirectory(dir)).rejects.toMatchObject({
      code: 'weights-index-invalid',
      place: { at: 'a' },
      found: name,
    });
  });

  it('is refused when a mapped tensor is not in its shard', async () => {
    await shard('model-1.safetensors', 'a');
    await index({ a: 'model-1.safetensors', b: 'model-1.safetensors' });
    await expect(openModelDirectory(dir)).rejects.toMatchObject({
      code: 'weights-index-invalid',
      place: { at: 'b' },
    });
  });

  it('is refused when a shard is missing, by its name', async () => {
    await index({ a: 'model-1.safetensors' });
    await expect(openModelDirectory(dir)).rejects.toMatchObject({
      code: 'weights-index-invalid',
      place: { file: join(dir, 'model.safetensors.index.json'), at: 'a' },
      expected: 'model-1.safetensors',
    });
  });

  it('of pickle is refused with advice, unopened', async () => {
    await writeFile(join(dir, 'pytorch_model.bin'), '');
    await expect(openModelDirectory(dir)).rejects.toMatchObject({
      code: 'model-pickle',
      remedy: expect.stringContaining('save_pretrained') as string,
    });
  });

  it('without weights, or without a config, says what is missing', async () => {
    await expect(openModelDirectory(dir)).rejects.toMatchObject({ code: 'model-incomplete' });
    await rm(join(dir, 'config.json'));
    await expect(openModelDirectory(dir)).rejects.toMatchObject({
      code: 'model-incomplete',
      place: { file: dir },
      found: 'no config.json',
    });
  });

  it('with a config that is not JSON is refused', async () => {
    await writeFile(join(dir, 'config.json'), '[]');
    await expect(openModelDirectory(dir)).rejects.toMatchObject({ code: 'json-invalid' });
  });
});

it('the hash of a file is its SHA-256', async () => {
  const file = join(dir, 'abc');
  await writeFile(file, 'abc');
  // The test vector of FIPS 180-4.
  expect(await hashFile(file)).toBe(
    'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
  );
  await expect(hashFile(`${file}d`)).rejects.toMatchObject({ code: 'file-not-found' });
  expect(await readFile(file, 'utf8')).toBe('abc');
});
