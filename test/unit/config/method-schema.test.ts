import { describe, expect, it } from 'vitest';
import { keysOf } from '../../../src/shared/config/describe';
import { methodSchema } from '../../../src/shared/config/method-schema';
import { METHOD_PAGES } from '../../../src/shared/docs/method-pages';
import { METHOD_NAMES, METHODS } from '../../../src/shared/methods';

const keys = keysOf(['method']).map(({ path }) => path.at(-1) ?? '');

describe.each(METHOD_NAMES)('the registry line of %s', (name) => {
  const { reads, defaults, strength } = METHODS[name];
  it('names keys of the schema alone, with defaults that the schema takes', () => {
    expect(reads.filter((key) => !keys.includes(key))).toEqual([]);
    if (strength) expect(reads).toContain(strength);
    expect(methodSchema.parse({ name })).toMatchObject({ name, ...defaults });
  });
  it('has a page with every option that it reads', () => {
    const page = METHOD_PAGES[`docs/methods/${name}.md`]?.() ?? '';
    for (const key of reads) expect(page).toContain(`\`method.${key}\``);
    expect(page).not.toMatch(/undefined|\[object/);
  });
});

it('every key of the section is read by a method', () => {
  const read = new Set<string>(METHOD_NAMES.flatMap((name) => METHODS[name].reads));
  expect(keys.filter((key) => key !== 'name' && !read.has(key))).toEqual([]);
});
