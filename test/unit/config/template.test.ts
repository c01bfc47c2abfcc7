import { describe, expect, it } from 'vitest';
import { guessColumns } from '../../../src/shared/config/guess-columns';
import { parseConfigText } from '../../../src/shared/config/parse';
import { configTemplate } from '../../../src/shared/config/template';
import { METHOD_NAMES, METHODS, type MethodDescription } from '../../../src/shared/methods';

const CHOICES = {
  model: './my model',
  train: 'data/train.jsonl',
  eval: 'data/no',
  text: '1',
  label: 'yes',
};

describe('the template of a new config', () => {
  it.each(METHOD_NAMES)('for %s is a config that says what was chosen', (method) => {
    const { config, problems } = parseConfigText(
      configTemplate({ ...CHOICES, method }),
      'new.flatscape.yaml',
    );
    expect(problems).toEqual([]);
    expect(config).toMatchObject({
      model: { name_or_path: './my model' },
      task: { train: 'data/train.jsonl', eval: 'data/no', text: '1', label: 'yes' },
      method: { name: method },
    });
  });

  it.each(METHOD_NAMES)('for %s means the same with every comment taken away', (method) => {
    const text = configTemplate({ ...CHOICES, method });
    const bare = parseConfigText(text, 'a.flatscape.yaml').config;
    const all = parseConfigText(text.replace(/^ {2}# /gm, '  '), 'a.flatscape.yaml').config;
    expect(all).toEqual(bare);
    for (const key of (METHODS[method] as MethodDescription).reads)
      expect(text).toContain(`${key}:`);
  });

  it('names only what was chosen', () => {
    const text = configTemplate({ method: 'efmlora', model: 'a/b', train: 't.csv' });
    expect(text).not.toMatch(/^ {2}(eval|text|text_pair|label):/m);
  });
});

describe('the columns of a data file', () => {
  it.each([
    ['jsonl', '{"text":"a","label":"b"}\n{"te', { text: 'text', label: 'label' }],
    [
      'csv',
      '\uFEFF"premise",hypothesis,Label\n',
      { text: 'premise', textPair: 'hypothesis', label: 'Label' },
    ],
    ['tsv', 'sentence\tlabel\r\nx\t1', { text: 'sentence', label: 'label' }],
    ['csv', 'a,b\n', {}],
    ['jsonl', '{"text":"cut of', {}],
    ['jsonl', '[1]', {}],
    ['parquet', 'PAR1', {}],
  ])('of a %s file that begins %j are guessed', (extension, start, expected) => {
    const { columns: _columns, ...guess } = guessColumns(start, extension);
    expect(guess).toEqual(expected);
  });
});
