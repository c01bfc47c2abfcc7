import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runDirectoryDocs } from '../../../src/shared/docs/run-directory-docs';
import { eventSchema } from '../../../src/shared/events';

describe('docs/run-directory.md', () => {
  it('is what the schemas say', () => {
    const file = join(import.meta.dirname, '../../../docs/run-directory.md');
    expect(readFileSync(file, 'utf8')).toBe(runDirectoryDocs());
  });

  it('names every event and every field of it', () => {
    const text = runDirectoryDocs();
    for (const option of eventSchema.options) {
      expect(text).toContain(`### \`${option.shape.type.value}\``);
      for (const field of Object.keys(option.shape)) expect(text).toContain(`\`${field}\``);
    }
  });

  it('has an empty cell only where a name says it all', () => {
    expect(runDirectoryDocs()).not.toMatch(/undefined|\[object/);
  });
});
