import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  readTable,
  type ReadTableOptions,
  type TableRow,
} from '../../../src/engine/data/read-table';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'table-'));
});
afterAll(() => rm(dir, { recursive: true }));

async function read(
  name: string,
  content: string | Uint8Array,
  options: Omit<ReadTableOptions, 'file'> = {},
): Promise<readonly (Record<string, unknown> & { line: number })[]> {
  const file = join(dir, name);
  await writeFile(file, content);
  return flat(await readTable({ file, ...options }));
}

function flat(rows: readonly TableRow[]): (Record<string, unknown> & { line: number })[] {
  return rows.map(({ line, values }) => ({ line, ...Object.fromEntries(values) }));
}

describe('JSONL', () => {
  it('keeps line numbers over blank lines, a byte order mark and CRLF', async () => {
    const rows = await read('a.jsonl', '\uFEFF{"t":"x","n":1}\r\n\r\n  \n{"t":"\u2028","n":2.5}\n');
    expect(rows).toEqual([
      { line: 1, t: 'x', n: 1 },
      { line: 4, t: '\u2028', n: 2.5 },
    ]);
  });

  it('leaves out null and nested values and names booleans', async () => {
    const rows = await read('a.jsonl', '{"a":null,"b":[1],"c":{"d":1},"e":true}');
    expect(rows).toEqual([{ line: 1, e: 'true' }]);
  });

  it.each([
    ['NaN', '{"a":1}\n{"a":NaN}', 2],
    ['a list', '[1,2]', 1],
    ['a cut line', '{"a":1}\n\n{"a"', 3],
  ])('names the line of %s', async (_, content, line) => {
    await expect(read('a.jsonl', content)).rejects.toMatchObject({
      code: 'table-invalid',
      place: { line },
    });
  });
});

describe('CSV', () => {
  it('reads quotes, doubled quotes, line breaks and empty text', async () => {
    const rows = await read('a.csv', '\uFEFFtext,label\n"a, ""b""\nc",x\n,y\n');
    expect(rows).toEqual([
      { line: 3, text: 'a, "b"\nc', label: 'x' },
      { line: 4, text: '', label: 'y' },
    ]);
  });

  it('takes names for a file without a header', async () => {
    const rows = await read('a.csv', '1,good film\n0,bad film\n', { columns: ['label', 'text'] });
    expect(rows).toEqual([
      { line: 1, label: '1', text: 'good film' },
      { line: 2, label: '0', text: 'bad film' },
    ]);
  });

  it('keeps a quote inside an unquoted field as data', async () => {
    const rows = await read('a.csv', 'text,label\nthe 5" gun,x\n');
    expect(rows).toEqual([{ line: 2, text: 'the 5" gun', label: 'x' }]);
  });

  it('names the row whose number of columns differs', async () => {
    await expect(read('a.csv', 'text,label\na,x\nb\n')).rejects.toMatchObject({
      code: 'table-invalid',
      place: { line: 3 },
      expected: '2 (text, label)',
      found: '1',
    });
  });

  it('refuses a header with one name twice', async () => {
    await expect(read('a.csv', 'text,text\na,x\n')).rejects.toMatchObject({ found: 'text' });
  });

  it('refuses a quote that is never closed', async () => {
    await expect(read('a.csv', 'text,label\n"a,x\n')).rejects.toMatchObject({
      code: 'table-invalid',
    });
  });
});

it('TSV has no quoting: a lone quote is data', async () => {
  const rows = await read('a.tsv', 'sentence\tlabel\n"it begins\t0\nand "ends"\t1\n');
  expect(rows).toEqual([
    { line: 2, sentence: '"it begins', label: '0' },
    { line: 3, sentence: 'and "ends"', label: '1' },
  ]);
});

it.each(['none', 'snappy', 'gzip', 'zstd', 'brotli', 'lz4'])(
  'Parquet compressed with %s gives the same rows',
  async (codec) => {
    const file = join(__dirname, `fixtures/rows-${codec}.parquet`);
    expect(flat(await readTable({ file }))).toEqual([
      { line: 1, text: 'a flat minimum', label: 0, score: 0.5, flag: 'true' },
      { line: 2, text: 'naïve 快速 😀', label: 1, score: -1.25, flag: 'false' },
      { line: 3, text: '', label: 1, score: 3, flag: 'true' },
      { line: 4, label: 0, score: 0 },
    ]);
  },
);

describe('what is no table', () => {
  it.each([
    ['an empty file', 'a.jsonl', '', 'table-empty'],
    ['a header alone', 'a.csv', 'text,label\n', 'table-empty'],
    ['another extension', 'a.xlsx', 'x', 'table-format'],
    ['bytes that are not UTF-8', 'a.csv', Uint8Array.of(0x61, 0xff, 0x0a), 'not-utf8'],
    ['Parquet that is none', 'a.parquet', 'PAR1 but not really PAR1', 'table-invalid'],
  ])('is refused: %s', async (_, name, content, code) => {
    await expect(read(name, content)).rejects.toMatchObject({ code });
  });

  it('is refused: no file', async () => {
    await expect(readTable({ file: join(dir, 'none.csv') })).rejects.toMatchObject({
      code: 'file-not-found',
    });
    await expect(readTable({ file: join(dir, 'none.parquet') })).rejects.toMatchObject({
      code: 'file-not-found',
    });
  });
});
