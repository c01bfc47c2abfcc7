import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { prepareRun } from '../../src/engine/runs/prepare';
import { runSession } from '../../src/engine/runs/run-session';
import { describeError, isUserError, type UserError } from '../../src/shared/errors';
import { scratchFolder } from './runs/support/scratch';

const FIXTURES = join(import.meta.dirname, '../reference/fixtures');
const scratch = await scratchFolder();

const CONFIG = `model: { name_or_path: ./model }
task:
  train: data.jsonl
  labels: [a, b, c]
adapter: { r: 4 }
train: { steps: 2, batch_size: 2, max_length: 16 }
output: { dir: runs }
runtime: { backend: cpu }
`;
const ROWS = '{"text":"two dogs run","label":"a"}\n{"text":"a man","label":"b"}\n';

type Spoil = (folder: string) => Promise<unknown>;

/** What each problem must end in: code, and a part of the message with place and remedy. */
type Case = [name: string, spoil: Spoil, code: string, ...parts: (string | RegExp)[]];

const config =
  (edit: (text: string) => string | Buffer): Spoil =>
  (folder) =>
    writeFile(join(folder, 'c.flatscape.yaml'), edit(CONFIG));
const data = (content: string | Uint8Array): Spoil => put('data.jsonl', content);
const put =
  (file: string, content: string | Uint8Array): Spoil =>
  (folder) =>
    writeFile(join(folder, file), content);
const table =
  (file: string, content: string | Uint8Array): Spoil =>
  async (folder) => {
    await writeFile(join(folder, file), content);
    await config((text) => text.replace('data.jsonl', file))(folder);
  };
const remove =
  (...files: string[]): Spoil =>
  async (folder) => {
    for (const file of files) await rm(join(folder, file));
  };
const all =
  (...spoils: Spoil[]): Spoil =>
  async (folder) => {
    for (const spoil of spoils) await spoil(folder);
  };
const take =
  (from: string, to: string): Spoil =>
  (folder) =>
    cp(join(FIXTURES, from), join(folder, to), { recursive: true, force: true });
const json =
  (file: string, fields: Record<string, unknown>): Spoil =>
  async (folder) => {
    const path = join(folder, file);
    const value = JSON.parse(await readFile(path, 'utf8')) as object;
    await writeFile(path, JSON.stringify({ ...value, ...fields }));
  };
const adapter = (settings: string) => config((text) => text.replace('{ r: 4 }', settings));
const fromSaved = (settings: string) =>
  all(take('bert-cls/adapter', 'saved'), adapter(`{ ${settings}, init_from: saved }`));

interface HeaderEntry {
  dtype: string;
  shape: number[];
  data_offsets: [number, number];
}

/** Rewrites the header of the weights; the data stay. */
const header =
  (edit: (entries: Record<string, HeaderEntry>, first: string, second: string) => void): Spoil =>
  async (folder) => {
    const file = join(folder, 'model/model.safetensors');
    const bytes = await readFile(file);
    const end = 8 + Number(bytes.readBigUInt64LE(0));
    const entries = JSON.parse(bytes.toString('utf8', 8, end)) as Record<string, HeaderEntry>;
    const queries = Object.keys(entries).filter((name) => name.endsWith('query.weight'));
    edit(entries, queries[0] ?? '', queries[1] ?? '');
    const text = Buffer.from(JSON.stringify(entries));
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(text.length));
    await writeFile(file, Buffer.concat([length, text, bytes.subarray(end)]));
  };
const entry = (entries: Record<string, HeaderEntry>, name: string): HeaderEntry => {
  const found = entries[name];
  if (!found) throw new Error(`no ${name}`);
  return found;
};
const WEIGHTS = 'model/model.safetensors';
const QUERY = 'bert.encoder.layer.0.attention.self.query.weight';

const CONFIGS: Case[] = [
  ['an unknown key', config((t) => `${t}method: { roh: 1 }`), 'config-invalid', 'line 9', '`rho`?'],
  ['a wrong type', adapter('{ r: four }'), 'config-invalid', 'line 5, adapter.r', '"four"'],
  ['a syntax error', adapter('{ r: 4, ['), 'config-invalid', 'line 5'],
  ['a duplicate key', config((t) => `${t}train: {}`), 'config-invalid', 'line 9', 'twice'],
  ['two documents', config((t) => `${t}---\na: 1`), 'config-invalid', 'line 9', 'one document'],
  ['an empty file', config(() => ''), 'config-invalid', '`model` is missing'],
  ['a list', config(() => '- a'), 'config-invalid', 'expected keys such as `model`'],
  ['UTF-16', config((t) => Buffer.from(`\ufeff${t}`, 'utf16le')), 'not-utf8', 'found UTF-16'],
  ['Latin-1', config((t) => Buffer.from(`${t}# é`, 'latin1')), 'not-utf8', 'line 9', 'UTF-8'],
  ['nothing', remove('c.flatscape.yaml'), 'config-not-found', 'c.flatscape.yaml: no such file'],
  [
    'a folder',
    all(remove('c.flatscape.yaml'), (f) => mkdir(join(f, 'c.flatscape.yaml'))),
    'config-not-found',
    'this is a folder',
  ],
  [
    'one label',
    config((t) => t.replace('[a, b, c]', '[a]')),
    'config-invalid',
    'line 4',
    'at least 2',
  ],
  [
    'a label twice',
    config((t) => t.replace('[a, b, c]', '[a, a]')),
    'config-invalid',
    'each label once',
  ],
  [
    'a name that would hide the run',
    config((t) => t.replace('dir: runs', 'dir: runs, name: .x')),
    'config-invalid',
    'no dot first',
  ],
];

const MODELS: Case[] = [
  [
    'no folder',
    config((t) => t.replace('./model', './modle')),
    'model-not-found',
    /c\.flatscape\.yaml, model\.name_or_path/,
  ],
  ['no config.json', remove('model/config.json'), 'model-incomplete', 'no config.json'],
  ['a config that is not JSON', put('model/config.json', '{"a": }'), 'json-invalid', 'config.json'],
  [
    'another architecture',
    json('model/config.json', { model_type: 'gpt2' }),
    'model-unsupported',
    '"gpt2"',
    'bert or roberta',
  ],
  ['no architecture', json('model/config.json', { model_type: undefined }), 'model-unsupported'],
  [
    'an unknown activation',
    json('model/config.json', { hidden_act: 'x' }),
    'model-config-invalid',
    'hidden_act',
    '"gelu"',
  ],
  [
    'no vocab_size',
    json('model/config.json', { vocab_size: undefined }),
    'tensor-shape',
    '[30522, 32]',
  ],
  ['no weights', remove(WEIGHTS), 'model-incomplete', 'model.safetensors'],
  [
    'pickled weights',
    all(remove(WEIGHTS), put('model/pytorch_model.bin', '')),
    'model-pickle',
    'save_pretrained',
  ],
  [
    'truncated weights',
    (f) => truncate(join(f, WEIGHTS), 60_000),
    'safetensors-invalid',
    'truncated',
  ],
  ['a truncated header', (f) => truncate(join(f, WEIGHTS), 600), 'safetensors-invalid'],
  ['empty weights', (f) => truncate(join(f, WEIGHTS), 0), 'safetensors-invalid', '0 bytes'],
  [
    'a Git LFS pointer',
    put(WEIGHTS, 'version https://git-lfs.github.com/spec/v1\n'),
    'safetensors-invalid',
    'git lfs pull',
  ],
  [
    'a wrong shape',
    header((e, q) => (entry(e, q).shape = [1024, 1])),
    'tensor-shape',
    QUERY,
    '[32, 32]',
  ],
  [
    'overlapping tensors',
    header((e, a, b) => (entry(e, b).data_offsets = entry(e, a).data_offsets)),
    'safetensors-invalid',
    'overlaps',
  ],
  [
    'an unknown dtype',
    header((e, q) => (entry(e, q).dtype = 'Q4')),
    'safetensors-invalid',
    'Q4',
    QUERY,
  ],
  [
    'a misnamed tensor',
    header((e, q) => {
      e[`${q}x`] = entry(e, q);
      delete e[q];
    }),
    'tensor-missing',
    `${QUERY}:`,
    `found ${QUERY}x`,
  ],
  [
    'a missing shard',
    all(
      remove(WEIGHTS),
      put(`${WEIGHTS}.index.json`, '{"weight_map":{"a":"model-00001-of-00002.safetensors"}}'),
    ),
    'weights-index-invalid',
    'expected model-00001-of-00002.safetensors',
  ],
  [
    'an index without its map',
    all(remove(WEIGHTS), put(`${WEIGHTS}.index.json`, '{}')),
    'weights-index-invalid',
    'weight_map',
  ],
];

const TOKENIZERS: Case[] = [
  ['none', remove('model/tokenizer.json'), 'tokenizer-missing', 'vocab.txt'],
  ['one that is not JSON', put('model/tokenizer.json', '{"a":'), 'json-invalid', 'tokenizer.json'],
  ['an empty one', put('model/tokenizer.json', '{}'), 'tokenizer-unsupported', 'found no object'],
  [
    'one with more ids than the model',
    take('roberta-cls/model/tokenizer.json', 'model/tokenizer.json'),
    'tokenizer-mismatch',
    'at most 266',
  ],
  [
    'that of another family, small enough',
    all(
      take('roberta-cls/model', 'model'),
      take('bert-cls/model/tokenizer.json', 'model/tokenizer.json'),
      take('bert-cls/model/tokenizer_config.json', 'model/tokenizer_config.json'),
    ),
    'tokenizer-mismatch',
    'pad_token_id 1',
  ],
];

const DATA: Case[] = [
  ['a missing file', remove('data.jsonl'), 'file-not-found', 'data.jsonl: no such file'],
  [
    'a folder',
    all(remove('data.jsonl'), (f) => mkdir(join(f, 'data.jsonl'))),
    'file-unreadable',
    'folder',
  ],
  ['an unknown extension', table('d.xls', ''), 'table-format', '.parquet', 'Rename'],
  ['an empty file', data('\n'), 'table-empty'],
  ['a header alone', table('d.csv', 'text,label\n'), 'table-empty', 'header line'],
  ['malformed JSON', data(`${ROWS}{"text":`), 'table-invalid', 'line 3', 'one JSON object'],
  ['a list', data('[1]'), 'table-invalid', 'line 1', 'found [1]'],
  [
    'a label outside the list',
    data(`${ROWS}{"text":"x","label":"d"}`),
    'label-unknown',
    'line 3, label',
    '`a`, `b`, `c`',
    '`d`',
  ],
  [
    'a missing column',
    data('{"sentence":"x","label":"a"}'),
    'column-missing',
    'line 1, text',
    '`sentence`, `label`',
  ],
  ['a null', data(`${ROWS}{"text":null,"label":"a"}`), 'column-missing', 'line 3, text'],
  [
    'a ragged CSV',
    table('d.csv', 'text,label\na,a\nb,c,a\n'),
    'table-invalid',
    'line 3',
    'found 3',
    'Quote',
  ],
  ['a ragged TSV', table('d.tsv', 'text\tlabel\na\ta\nb\n'), 'table-invalid', 'line 3', 'found 1'],
  ['an open quote', table('d.csv', 'text,label\n"a,a\n'), 'table-invalid', 'd.csv, line', 'quote'],
  ['Latin-1', data(Buffer.from(`${ROWS}{"text":"é"}`, 'latin1')), 'not-utf8', 'line 3'],
  ['corrupt Parquet', table('d.parquet', 'PAR1 is all'), 'table-invalid', 'd.parquet'],
  [
    'a Parquet footer of nonsense',
    table(
      'd.parquet',
      Buffer.concat([
        Buffer.from('PAR1'),
        Buffer.alloc(99, 7),
        Buffer.of(20, 0, 0, 0),
        Buffer.from('PAR1'),
      ]),
    ),
    'table-invalid',
    'a damaged one',
  ],
  [
    'one class alone',
    all(
      data('{"text":"x","label":"a"}'),
      config((t) => t.replace(/ *labels.*\n/, '')),
    ),
    'label-count',
    'found a',
  ],
];

const ADAPTERS: Case[] = [
  [
    'targets that match nothing',
    adapter('{ target_modules: [nonsense] }'),
    'adapter-no-target',
    'c.flatscape.yaml, adapter.target_modules',
    'query, key, value, dense',
  ],
  ['an expression that matches nothing', adapter('{ target_modules: "x.*" }'), 'adapter-no-target'],
  [
    'an invalid expression',
    adapter('{ target_modules: "(query" }'),
    'regex-unsupported',
    'Unterminated group',
    'found (query',
  ],
  ['embeddings', adapter('{ target_modules: [word_embeddings] }'), 'adapter-target-kind', 'linear'],
  ['an absent folder', adapter('{ init_from: nowhere }'), 'adapter-incomplete', 'nowhere', 'PEFT'],
  ['another rank', fromSaved('r: 8'), 'adapter-mismatch', 'rank 8', 'rank 4'],
  [
    'another model',
    all(take('roberta-cls/adapter', 'saved'), adapter('{ r: 4, init_from: saved }')),
    'adapter-key-missing',
    'bert.encoder',
  ],
  [
    'a pickle alone',
    all(
      fromSaved('r: 4'),
      remove('saved/adapter_model.safetensors'),
      put('saved/adapter_model.bin', ''),
    ),
    'model-pickle',
    'adapter_model.bin',
  ],
  [
    'another kind of adapter',
    all(fromSaved('r: 4'), put('saved/adapter_config.json', '{"peft_type":"IA3"}')),
    'adapter-unsupported',
    '"IA3"',
  ],
  [
    'a damaged config',
    all(fromSaved('r: 4'), json('saved/adapter_config.json', { r: 'x' })),
    'adapter-config-invalid',
    'expected number',
    '"x"',
  ],
];

/** A folder with everything a run needs, then spoilt. */
async function spoilt(spoil: Spoil): Promise<string> {
  const folder = await mkdtemp(join(scratch, 'case '));
  await cp(join(FIXTURES, 'bert-cls/model'), join(folder, 'model'), { recursive: true });
  await writeFile(join(folder, 'data.jsonl'), ROWS);
  await writeFile(join(folder, 'c.flatscape.yaml'), CONFIG);
  await spoil(folder);
  return folder;
}

async function refusal(folder: string): Promise<UserError> {
  const configFile = join(folder, 'c.flatscape.yaml');
  const prepare = (source: Parameters<typeof prepareRun>[0]) => prepareRun(source, () => undefined);
  const error = await runSession({ configFile, prepare }).then(
    () => new Error('it was accepted'),
    (error: unknown) => error,
  );
  if (!isUserError(error)) throw error;
  return error;
}

describe.each([
  ['a config', CONFIGS],
  ['a model', MODELS],
  ['a tokenizer', TOKENIZERS],
  ['a data file', DATA],
  ['an adapter', ADAPTERS],
])('%s is refused before anything begins', (_what, cases) => {
  it.each<Case>(cases)('%s', async (_name, spoil, code, ...parts) => {
    const folder = await spoilt(spoil);
    const error = await refusal(folder);
    const text = describeError(error);
    expect(error.code, text).toBe(code);
    for (const part of parts) expect(text).toMatch(part);
    expect(error.place?.file, text).toContain(folder);
    expect(error.remedy, text).toMatch(/\w+.*[.?]$/);
    // A validator's or the runtime's own words help nobody.
    expect(text).not.toMatch(/Invalid (input|option)|received|undefined|\[object|ENOENT/);
    const runs = join(folder, 'runs');
    expect(existsSync(runs) ? await readdir(runs) : []).toEqual([]);
  });
});

it('what is not spoilt is accepted', async () => {
  await expect(refusal(await spoilt(async () => undefined))).rejects.toThrow('it was accepted');
});
