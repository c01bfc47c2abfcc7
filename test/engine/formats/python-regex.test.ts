import { describe, expect, it } from 'vitest';
import { translatePythonRegex } from '../../../src/engine/formats/python-regex';

const at = { at: 'target_modules' };

describe('a Python expression', () => {
  // Each row was answered by re.fullmatch of Python 3.11.
  it.each<[string, string[], string[]]>([
    ['a.c', ['abc'], ['ac', 'abcd']],
    ['a|bc', ['a', 'bc'], ['ac', 'abc']],
    ['(?P<n>a|b)(?P=n)', ['aa', 'bb'], ['ab']],
    ['(?i)QUERY', ['query'], ['quer']],
    ['x{,2}', ['', 'x', 'xx'], ['xxx']],
    ['x{2,}', ['xx', 'xxx'], ['x']],
    ['x{a}', ['x{a}'], ['xa']],
    ['a{', ['a{'], ['a']],
    ['a}]', ['a}]'], ['a']],
    ['[]a]+', [']a'], ['b']],
    ['[^]a]', ['b'], [']', 'a']],
    ['[a\\-z]', ['-', 'a', 'z'], ['b']],
    ['[.(|]', ['.', '(', '|'], ['a']],
    ['\\Aab\\Z', ['ab'], ['abc']],
    ['a\\-b', ['a-b'], ['ab']],
    ['\\d+\\.\\w', ['12.a'], ['a.1']],
    ['a(?#note)b', ['ab'], ['a']],
    ['(?:q|k)_proj$', ['q_proj'], ['v_proj']],
    ['(?<!x)a', ['a'], ['xa']],
    ['.*\\.layers\\.(?!0\\.)\\d+\\.q', ['m.layers.1.q'], ['m.layers.0.q']],
  ])('%s means the same here', (pattern, matching, others) => {
    const regex = translatePythonRegex(pattern, at);
    expect(matching.filter((text) => !regex.test(text))).toEqual([]);
    expect(others.filter((text) => regex.test(text))).toEqual([]);
  });

  it.each([
    'a++',
    'a*+',
    'a?+',
    'a{2}+',
    '(?>a)',
    '(?x) a',
    '(?(1)a|b)',
    '(?i:a)',
    '\\q',
    '[a',
    '(',
    'a\\',
  ])('%s is refused, with advice', (pattern) => {
    expect(() => translatePythonRegex(pattern, at)).toThrowError(
      expect.objectContaining({
        code: 'regex-unsupported',
        found: pattern,
        remedy: 'List the module names instead.',
      }) as Error,
    );
  });
});
