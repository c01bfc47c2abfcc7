import { describe, expect, it } from 'vitest';
import { METHOD_NAMES } from '../../../src/shared/methods';
import { completionsAt } from '../../../src/shared/config/completion';
import { describeKeys, jsonSchema } from '../../../src/shared/config/describe';
import { configDocs } from '../../../src/shared/config/docs';
import { hoverAt } from '../../../src/shared/config/hover';
import { locate, rangeOf } from '../../../src/shared/config/locate';
import { nearest } from '../../../src/shared/config/nearest';

/** Completions at the `|` of a text. */
function complete(marked: string, name = 'a.flatscape.yaml', modules?: string[]) {
  const offset = marked.indexOf('|');
  const text = marked.replace('|', '');
  return completionsAt(text, name, offset, modules ? { modules } : {});
}
const labels = (...args: Parameters<typeof complete>) => complete(...args).map((c) => c.label);

describe('describeKeys', () => {
  it('describes every key in words', () => {
    for (const key of describeKeys()) expect(key.description, key.name).not.toBe('');
  });

  it('tells types, ranges and defaults', () => {
    const rho = describeKeys().find(({ name }) => name === 'method.rho');
    expect(rho).toMatchObject({ type: 'number, 0 to 100', defaultValue: 0.05, required: false });
    const r = describeKeys().find(({ name }) => name === 'adapter.r');
    expect(r?.type).toBe('integer, 1 to 1024');
    const lr = describeKeys().find(({ name }) => name === 'optimizer.lr');
    expect(lr?.type).toBe('number, above 0, at most 100');
  });
});

describe('jsonSchema', () => {
  it('is draft-07, closed, with Markdown, and without keywords of our own', () => {
    const schema = jsonSchema();
    expect(schema['$schema']).toBe('http://json-schema.org/draft-07/schema#');
    expect(schema['additionalProperties']).toBe(false);
    expect(schema.required).toEqual(['model', 'task']);
    const text = JSON.stringify(schema);
    expect(text).not.toContain('"suggest"');
    expect(text).toContain('"markdownDescription"');
    expect(text).not.toContain('9007199254740991');
  });
});

describe('configDocs', () => {
  it('has a table row for every key that is not a section', () => {
    const docs = configDocs();
    for (const key of describeKeys().filter((k) => !k.isSection && k.path.length > 1))
      expect(docs).toContain(`| \`${key.name}\` |`);
  });
});

describe('hoverAt', () => {
  it('explains a key at its key and at its value', () => {
    const text = 'method:\n  rho: 0.1\n';
    for (const offset of [text.indexOf('rho') + 1, text.indexOf('0.1') + 1])
      expect(hoverAt(text, 'a.flatscape.yaml', offset)?.markdown).toContain('method.rho');
    const onKey = hoverAt(text, 'a.flatscape.yaml', text.indexOf('rho'));
    expect(onKey && text.slice(onKey.range.start, onKey.range.end)).toBe('rho');
  });

  it('explains the key of a list item', () => {
    const text = '{"adapter": {"target_modules": ["query"]}}';
    const hover = hoverAt(text, 'a.flatscape.json', text.indexOf('query'));
    expect(hover?.markdown).toContain('adapter.target_modules');
  });

  it('says nothing of unknown keys and of nothing', () => {
    expect(hoverAt('banana: 1', 'a.flatscape.yaml', 2)).toBeUndefined();
    expect(hoverAt('', 'a.flatscape.yaml', 0)).toBeUndefined();
  });
});

describe('locate and rangeOf', () => {
  it.each([
    ['a.flatscape.yaml', 'adapter:\n  target_modules:\n    - query\n    - value\n'],
    ['a.flatscape.json', '{"adapter": {"target_modules": ["query", "value"]}}'],
  ])('are inverse to each other (%s)', (name, text) => {
    const place = locate(text, name, text.indexOf('value') + 1);
    expect(place?.path).toEqual(['adapter', 'target_modules', 1]);
    expect(rangeOf(text, name, place?.path ?? [])?.value).toEqual(place?.range);
    expect(rangeOf(text, name, ['adapter', 'r'])).toBeUndefined();
  });
});

describe('completionsAt', () => {
  it('offers the sections that are not there yet', () => {
    const found = labels('model:\n  name_or_path: x\n|');
    expect(found).toContain('method');
    expect(found).not.toContain('model');
  });

  it('offers the missing keys of a section with their defaults', () => {
    const found = complete('method:\n  name: lora\n  r|\n  beta: 1\ntrain:\n  seed: 1\n');
    const names = found.map((c) => c.label);
    expect(names).toContain('rho');
    expect(names).not.toContain('name');
    expect(names).not.toContain('beta');
    expect(names).not.toContain('seed');
    expect(found.find((c) => c.label === 'rho')?.snippet).toBe('rho: ${1:0.05}');
  });

  it('does not take the keys of another section for those of this one', () => {
    expect(labels('probe:\n  every: 1\ncheckpoint:\n  |\n')).toContain('every');
    expect(labels('checkpoint:\n  |\nprobe:\n  every: 1\n')).toContain('every');
  });

  it('offers the values of a key', () => {
    expect(labels('method:\n  name: |')).toEqual(METHOD_NAMES);
    expect(labels('method:\n  name: ef|mlora')).toEqual(METHOD_NAMES);
    expect(labels('adapter:\n  use_rslora: |')).toEqual(['true', 'false']);
  });

  it('offers module names in both forms of a list', () => {
    const modules = ['bert.layer.0.query', 'bert.layer.1.query', 'bert.layer.0.value'];
    for (const text of [
      'adapter:\n  target_modules: [query, |]',
      'adapter:\n  target_modules:\n    - |',
      'adapter:\n  target_modules:\n  - |',
    ])
      expect(labels(text, 'a.flatscape.yaml', modules)).toEqual(['query', 'value']);
    expect(labels('adapter:\n  target_modules: |', 'a.flatscape.yaml', modules)).toContain(
      'all-linear',
    );
  });

  it('renames a key without a second colon', () => {
    const found = complete('method:\n  ro|h: 1\n').find((c) => c.label === 'rho');
    expect(found?.snippet).toBe('rho');
  });

  it('is silent in comments and under scalars', () => {
    expect(labels('method:\n  # r|')).toEqual([]);
    expect(labels('method:\n  rho: 1\n    |')).toEqual([]);
  });

  it('works in JSON', () => {
    const name = 'a.flatscape.json';
    const found = complete('{"method": {"name": "lora", "|"}}', name);
    expect(found.map((c) => c.label)).not.toContain('name');
    expect(found.find((c) => c.label === 'rho')?.snippet).toBe('"rho": ${1:0.05}');
    expect(labels('{"method": {"name": "|"}}', name)).toEqual(METHOD_NAMES);
    expect(complete('{|"task": {}}', name).find((c) => c.label === 'model')?.snippet).toMatch(/,$/);
  });
});

describe('nearest', () => {
  it('finds what was meant and nothing far-fetched', () => {
    expect(nearest('roh', ['rho', 'rng', 'beta'])).toBe('rho');
    expect(nearest('efmlra', METHOD_NAMES)).toBe('efmlora');
    expect(nearest('banana', ['rho', 'beta'])).toBeUndefined();
  });
});
