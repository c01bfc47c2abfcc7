import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadTokenizer, type TextTokenizer } from '../../../src/engine/data/tokenizer';
import { TOKENIZER_FILES } from '../../../src/engine/formats/model-directory';
import { isFile } from '../../../src/engine/formats/files';

const FIXTURES = join(__dirname, '../../reference/fixtures/tokenizers');

interface Row {
  text: string;
  pair: string | null;
  ids: number[];
  type_ids: number[];
  max_length?: number;
}
type Cases = Record<'bert' | 'roberta', Record<'single' | 'pair' | 'truncated', Row[]>>;

async function load(dir: string, modelConfig: Record<string, unknown>): Promise<TextTokenizer> {
  const files: Record<string, string> = {};
  for (const name of TOKENIZER_FILES)
    if (await isFile(join(dir, name))) files[name] = join(dir, name);
  return loadTokenizer({ dir, files, modelConfig });
}

/** Leaves what an old repository has; tokens beyond the vocabulary are in a file of their own. */
async function removePipeline(dir: string): Promise<void> {
  const file = join(dir, 'tokenizer.json');
  const pipeline = JSON.parse(await readFile(file, 'utf8')) as {
    added_tokens: { id: number; content: string }[];
  };
  const added = pipeline.added_tokens.map(({ id, content }) => [content, id]);
  await writeFile(join(dir, 'added_tokens.json'), JSON.stringify(Object.fromEntries(added)));
  await rm(file);
}

const cases = JSON.parse(await readFile(join(FIXTURES, 'cases.json'), 'utf8')) as Cases;

describe.each(['bert', 'roberta'] as const)('%s', (family) => {
  const sources = ['tokenizer.json', 'the vocabulary files alone'] as const;

  describe.each(sources)('from %s', (source) => {
    let dir: string;
    let tokenizer: TextTokenizer;
    beforeEach(async () => {
      dir = await mkdtemp(join(tmpdir(), 'tokenizer-'));
      await cp(join(FIXTURES, family), dir, { recursive: true });
      if (source !== 'tokenizer.json') await removePipeline(dir);
      tokenizer = await load(dir, { model_type: family, vocab_size: 500 });
    });
    afterEach(() => rm(dir, { recursive: true }));

    it.each(['single', 'pair', 'truncated'] as const)(
      'gives the ids and types of the reference: %s',
      (group) => {
        const wrong = cases[family][group].flatMap((row) => {
          const found = tokenizer.encode(row.text, row.pair ?? undefined, row.max_length);
          const same =
            JSON.stringify(found.ids) === JSON.stringify(row.ids) &&
            JSON.stringify(found.typeIds) === JSON.stringify(row.type_ids);
          return same ? [] : [{ row, found }];
        });
        expect(cases[family][group].length).toBeGreaterThan(5);
        expect(wrong).toEqual([]);
      },
    );
  });
});

describe('a tokenizer file', () => {
  let dir: string;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'tokenizer-'));
    await cp(join(FIXTURES, 'bert'), dir, { recursive: true });
  });
  afterEach(() => rm(dir, { recursive: true }));

  const edit = async (change: (pipeline: Record<string, unknown>) => void): Promise<void> => {
    const file = join(dir, 'tokenizer.json');
    const pipeline = JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>;
    change(pipeline);
    await writeFile(file, JSON.stringify(pipeline));
  };

  it('is refused where it makes ids that the model lacks', async () => {
    await expect(load(dir, { vocab_size: 100 })).rejects.toMatchObject({
      code: 'tokenizer-mismatch',
      expected: 'a vocabulary of at most 100',
    });
  });

  it('has its own truncation and padding ignored', async () => {
    await edit((pipeline) => {
      pipeline['truncation'] = { max_length: 4, strategy: 'LongestFirst', stride: 0 };
      pipeline['padding'] = { strategy: { Fixed: 50 }, pad_id: 0, pad_token: '[PAD]' };
    });
    const tokenizer = await load(dir, {});
    expect(tokenizer.encode('The movie was great.').ids.length).toBeGreaterThan(4);
    expect(tokenizer.encode('The movie was great.').ids).not.toContain(0);
  });

  it.each<[string, (pipeline: Record<string, unknown>) => void]>([
    ['an unknown normalizer', (p) => (p['normalizer'] = { type: 'Nmt' })],
    ['an unknown pre-tokenizer', (p) => (p['pre_tokenizer'] = { type: 'UnicodeScripts' })],
    [
      'a Split that merges with the previous piece',
      (p) =>
        (p['pre_tokenizer'] = {
          type: 'Sequence',
          pretokenizers: [
            { type: 'Split', pattern: { String: ' ' }, behavior: 'MergedWithPrevious' },
          ],
        }),
    ],
    ['a Unigram model', (p) => (p['model'] = { type: 'Unigram', vocab: {} })],
    [
      'BPE with dropout',
      (p) => (p['model'] = { type: 'BPE', vocab: {}, merges: [], dropout: 0.1 }),
    ],
  ])('is refused with %s', async (_, change) => {
    await edit(change);
    await expect(load(dir, {})).rejects.toMatchObject({ code: 'tokenizer-unsupported' });
  });

  it('is missed by name, with advice where only SentencePiece is there', async () => {
    const empty = await mkdtemp(join(tmpdir(), 'tokenizer-'));
    await writeFile(join(empty, 'tokenizer.model'), '');
    await expect(load(empty, {})).rejects.toMatchObject({
      code: 'tokenizer-missing',
      remedy: expect.stringContaining('save_pretrained') as string,
    });
    await rm(empty, { recursive: true });
  });

  it('says how to pad and what not to mask', async () => {
    const bert = await load(dir, {});
    expect(bert.padId).toBe(0);
    expect(bert.maskId).toBe(4);
    expect([...bert.specialIds].sort()).toEqual([0, 1, 2, 3, 4]);
  });

  it('refuses a length without room for text', async () => {
    const bert = await load(dir, {});
    expect(() => bert.encode('a', 'b', 3)).toThrow(/no room/);
  });
});
