import { spawn } from 'node:child_process';
import { cp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { bundleCli, scratchFolder } from './runs/support/scratch';

const folder = await scratchFolder();
const { cli } = await bundleCli(folder);
const FIXTURES = join(import.meta.dirname, '../reference/fixtures');

interface Outcome {
  readonly code: number | null;
  readonly text: string;
}

function flatscape(...args: string[]): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const env = { ...process.env, HF_HOME: join(folder, 'hub'), HF_ENDPOINT: 'nonsense' };
    const child = spawn(process.execPath, [cli, ...args], { cwd: folder, env });
    let text = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (data: Buffer) => (text += data.toString()));
    child.on('close', (code) => resolve({ code, text }));
    child.on('error', reject);
  });
}

const CONFIG = 'ü c.flatscape.yaml';
let run = '';

beforeAll(async () => {
  await cp(join(FIXTURES, 'bert-cls/model'), join(folder, 'model'), { recursive: true });
  const rows = ['a', 'b', 'c', 'a'].map((label) => JSON.stringify({ text: 'two dogs run', label }));
  await writeFile(join(folder, 'data.jsonl'), rows.join('\n'));
  await writeFile(
    join(folder, CONFIG),
    `model: { name_or_path: ./model }
task: { train: data.jsonl, labels: [a, b, c] }
train: { steps: 4, batch_size: 2, max_length: 16 }
probe: { every: 0 }
checkpoint: { every: 2 }
`,
  );
  const trained = await flatscape('train', CONFIG, '--json');
  expect(trained.code, trained.text).toBe(0);
  run = (JSON.parse(trained.text.trim().split('\n').at(-1) ?? '') as { directory: string })
    .directory;
});

describe('flatscape refuses with exit code 2, place and remedy,', () => {
  const misspelt = (name: string) => `${name.slice(0, -1)}x`;
  it.each<[string, () => string[], ...string[]]>([
    ['to show a misspelt run', () => ['show', misspelt(basename(run))], '`c-', 'if you meant that'],
    [
      'to stop a run that is over',
      () => ['stop', run],
      'found status completed',
      'nothing to stop',
    ],
    ['to resume a completed run', () => ['train', '--resume', run], 'complete', 'init_from'],
    [
      'to resume with other settings',
      () => ['train', '--resume', run, '--set', 'optimizer.lr=1'],
      'keeps its own config',
    ],
    ['to list a folder that is not there', () => ['runs', 'nowhere'], 'nowhere', 'no such folder'],
    ['to inspect what is no model', () => ['models', 'inspect', '.'], 'no config.json'],
    [
      'to predict with a run and another model',
      () => ['predict', run, '--model', 'model', '--data', 'data.jsonl'],
      'Leave out',
    ],
    [
      'to predict columns that are not there',
      () => ['predict', run, '--data', 'data.jsonl', '--text', 'body'],
      'line 1, body',
      '`text`, `label`',
    ],
    [
      'an adapter of another model',
      () => [
        'predict',
        '--model',
        'model',
        '--adapter',
        join(FIXTURES, 'roberta-cls/adapter'),
        '--data',
        'data.jsonl',
      ],
      'trained on this model',
    ],
    [
      'an output folder that is a file',
      () => ['train', CONFIG, '--set', 'output.dir=data.jsonl'],
      'is a file',
      'output.dir',
    ],
    [
      'a name too long for a file',
      () => ['train', CONFIG, '--set', `output.name=${'n'.repeat(300)}`],
      'ENAMETOOLONG',
      'Shorten `output.name`',
    ],
    [
      'a hub address that is none',
      () => ['train', CONFIG, '--set', 'model.name_or_path=org/absent'],
      'HF_ENDPOINT',
      'found nonsense',
      'If a folder was meant',
    ],
  ])('%s', async (_name, args, ...parts) => {
    const { code, text } = await flatscape(...args());
    for (const part of parts) expect(text).toContain(part);
    expect(code, text).toBe(2);
    expect(text).not.toContain('internal error');
  });
});

it('a model without a trained head does not predict', async () => {
  const model = join(folder, 'headless');
  await cp(join(FIXTURES, 'bert-mlm/model'), model, { recursive: true });
  const file = join(model, 'config.json');
  const config = JSON.parse(await readFile(file, 'utf8')) as object;
  await writeFile(file, JSON.stringify({ ...config, id2label: { 0: 'a', 1: 'b' } }));
  const { code, text } = await flatscape('predict', '--model', model, '--data', 'data.jsonl');
  expect(text).toMatch(/classifier starts at random.*--adapter/);
  expect(code).toBe(2);
});

it('a damaged checkpoint fails the resumption, and deleted lets it resume from the one before', async () => {
  const copy = join(folder, 'copies', basename(run));
  await cp(run, copy, { recursive: true });
  const journal = join(copy, 'journal.jsonl');
  const lines = (await readFile(journal, 'utf8')).split('\n');
  const ended = lines.findIndex((line) => line.includes('"type":"ended"'));
  await writeFile(journal, `${lines.slice(0, ended).join('\n')}\n`);
  await truncate(join(copy, 'checkpoints/step-4/training_state.safetensors'), 100);

  const damaged = await flatscape('train', '--resume', copy);
  expect(damaged.text).toMatch(
    /step-4.training_state\.safetensors.*cannot be resumed from.*Delete/,
  );
  expect(damaged.code).toBe(3);

  await rm(join(copy, 'checkpoints/step-4'), { recursive: true });
  expect((await flatscape('train', '--resume', copy)).code).toBe(0);
  const adapter = 'checkpoints/step-4/adapter_model.safetensors';
  expect((await readFile(join(copy, adapter))).equals(await readFile(join(run, adapter)))).toBe(
    true,
  );
});
