import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { outputFolder, readConfig, runName } from '../../../src/client/read-config';

const folder = await mkdtemp(join(tmpdir(), 'flatscape-test-'));
afterAll(() => rm(folder, { recursive: true, force: true }));

async function write(name: string, text: string): Promise<string> {
  const file = join(folder, name);
  await writeFile(file, text);
  return file;
}
const MINIMAL = 'model:\n  name_or_path: ./m\ntask:\n  train: t.jsonl # the data\n';

describe('reading a config', () => {
  it('fills in defaults and keeps the text', async () => {
    const { config, text } = await readConfig(await write('a.flatscape.yaml', MINIMAL));
    expect(config.method.name).toBe('efmlora');
    expect(text).toBe(MINIMAL);
  });

  it('overrides keys in YAML terms, also sections that are not there', async () => {
    const file = await write('b.flatscape.yaml', MINIMAL);
    const set = [
      'method.rho=1e-1',
      'adapter.target_modules=[query, key]',
      'task.label=kind',
      'train.shuffle=false',
    ];
    const { config } = await readConfig(file, set);
    expect(config.method.rho).toBe(0.1);
    expect(config.adapter.target_modules).toEqual(['query', 'key']);
    expect(config.task).toMatchObject({ label: 'kind', train: 't.jsonl' });
    expect(config.train.shuffle).toBe(false);
  });

  it('overrides a JSON config', async () => {
    const json = JSON.stringify({ model: { name_or_path: './m' }, task: { train: 't.jsonl' } });
    const file = await write('c.flatscape.json', json);
    expect((await readConfig(file, ['train.seed=3'])).config.train.seed).toBe(3);
  });

  it.each([
    ['method:\n  rho: -1\n', { code: 'config-invalid', place: { line: 6, at: 'method.rho' } }],
    ['metod: {}\n', { code: 'config-invalid', place: { line: 5, at: 'metod' } }],
    ['train: [\n', { code: 'config-invalid' }],
  ])('%j is a problem at its line and key', async (extra, expected) => {
    const file = await write('d.flatscape.yaml', MINIMAL + extra);
    await expect(readConfig(file)).rejects.toMatchObject(expected);
  });

  it.each(['method.rho', '=1', 'method.rho.deeper=1', 'method.rho=[', 'task.train.x=1'])(
    'the override %s is refused',
    async (assignment) => {
      const file = await write('e.flatscape.yaml', `${MINIMAL}method: { rho: 1 }\n`);
      await expect(readConfig(file, [assignment])).rejects.toMatchObject({
        code: expect.stringMatching(/bad-override|config-invalid/),
      });
    },
  );

  it('names runs after the file unless it says otherwise', async () => {
    const { config } = await readConfig(await write('f.flatscape.yaml', MINIMAL));
    expect(runName('/x/my run.flatscape.yaml', config)).toBe('my-run');
    expect(runName('/x/..flatscape.json', config)).toBe('run');
    expect(runName('/x/a.yaml', { ...config, output: { ...config.output, name: 'b' } })).toBe('b');
    expect(outputFolder('/x/a.yaml', config)).toBe(join('/x', '.flatscape/runs'));
  });
});
