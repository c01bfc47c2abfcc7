import { describe, expect, it } from 'vitest';
import { parseConfigText, type ConfigProblem } from '../../../src/shared/config/parse';

const GOOD = `# a comment
model:
  name_or_path: ./model
task:
  train: data/train.jsonl
method:
  name: efmlora
  rho: 0.05
optimizer:
  lr: 3e-4
  betas: [0.9, 0.999]
adapter:
  target_modules: [query, value]
`;

function problems(text: string, name = 'a.flatscape.yaml'): readonly ConfigProblem[] {
  return parseConfigText(text, name).problems;
}

/** The single problem and the text that it underlines. */
function only(text: string, name?: string) {
  const found = problems(text, name);
  expect(found).toHaveLength(1);
  const problem = found[0] as ConfigProblem;
  return { ...problem, text: text.slice(problem.range.start, problem.range.end) };
}

describe('parseConfigText', () => {
  it('fills in every default', () => {
    const { config } = parseConfigText(GOOD, 'a.flatscape.yaml');
    expect(config?.method).toMatchObject({ name: 'efmlora', rho: 0.05, beta: 0.99 });
    expect(config?.optimizer.lr).toBe(3e-4);
    expect(config?.train.batch_size).toBe(16);
  });

  it('reads the same config from JSON', () => {
    const { config } = parseConfigText(GOOD, 'a.flatscape.yaml');
    const json = JSON.stringify(config);
    expect(parseConfigText(json, 'a.flatscape.json').config).toEqual(config);
  });

  it.each([
    ['an unknown key', GOOD.replace('rho:', 'roh:'), 'unknown-key', 'roh', 'rho'],
    ['a far unknown key', GOOD.replace('rho:', 'banana:'), 'unknown-key', 'banana', undefined],
    ['an unknown section', GOOD.replace('method:', 'metod:'), 'unknown-key', 'metod', 'method'],
    ['a wrong type', GOOD.replace('0.05', 'small'), 'wrong-type', 'small', undefined],
    ['a number out of range', GOOD.replace('0.05', '-1'), 'out-of-range', '-1', undefined],
    ['a misspelt value', GOOD.replace('efmlora', 'efmlra'), 'unknown-value', 'efmlra', 'efmlora'],
    ['a wrong list item', GOOD.replace('0.999', 'x'), 'wrong-type', 'x', undefined],
    ['an empty section', GOOD + 'probe:\n', 'wrong-type', 'probe', undefined],
    ['an empty value', GOOD.replace('0.05', ''), 'wrong-type', 'rho', undefined],
    ['a duplicate key', GOOD + 'method: {}\n', 'duplicate-key', 'method', undefined],
    [
      'a missing key',
      GOOD.replace('train: data/train.jsonl', '{}'),
      'missing-key',
      'task',
      undefined,
    ],
    ['a fraction for an integer', GOOD + 'train: { steps: 2.5 }', 'wrong-type', '2.5', undefined],
    ['a bad run name', GOOD + 'output: { name: a/b }', 'bad-value', 'a/b', undefined],
  ])('marks %s exactly', (_name, text, code, underlined, suggestion) => {
    const problem = only(text);
    expect(problem).toMatchObject({ code, text: underlined });
    expect(problem.suggestion).toBe(suggestion);
  });

  it('marks JSON at the exact value', () => {
    const text = '{"model":{"name_or_path":"m"},"task":{"train":"t"},"method":{"rho":"x"}}';
    expect(only(text, 'a.flatscape.json')).toMatchObject({ code: 'wrong-type', text: '"x"' });
    const twice = text.replace('"rho":"x"', '"rho":1,"rho":2');
    expect(only(twice, 'a.flatscape.json')).toMatchObject({ code: 'duplicate-key', text: '"rho"' });
  });

  it('reports only the syntax of a broken document', () => {
    const [first, ...rest] = problems(GOOD.replace('[0.9, 0.999]', '[0.9, 0.999'));
    expect(first?.code).toBe('syntax');
    expect(rest.every(({ code }) => code === 'syntax')).toBe(true);
  });

  it('asks an empty file for the required keys', () => {
    for (const name of ['a.flatscape.yaml', 'a.flatscape.json'])
      expect(
        problems(name.endsWith('json') ? '{}' : '', name).map((p) => p.path.join('.')),
      ).toEqual(['model', 'task']);
  });

  it('refuses aliases of collections, which could loop or explode', () => {
    expect(problems('a: &a [*a, *a]\n')[0]?.message).toMatch(/alias/);
  });

  it('refuses deep nesting and does not overflow', () => {
    for (const text of ['['.repeat(1e5), '{a: '.repeat(1e5), '- '.repeat(1e5), '? '.repeat(1e5)])
      expect(problems(text)[0]?.code).toBe('syntax');
    expect(problems('['.repeat(1e5), 'a.flatscape.json')[0]?.code).toBe('syntax');
  });
});
