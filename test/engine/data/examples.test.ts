import { describe, expect, it } from 'vitest';
import { inferLabels, toExamples } from '../../../src/engine/data/examples';
import type { TableRow } from '../../../src/engine/data/read-table';

function table(...records: Record<string, string | number>[]): TableRow[] {
  return records.map((record, i) => ({ line: i + 2, values: new Map(Object.entries(record)) }));
}
const file = 'train.csv';

describe('examples', () => {
  it('map labels by name, in the order of the label list', () => {
    const rows = table({ t: 'a', l: 'ham' }, { t: 'b', l: 'spam' });
    const options = { rows, file, textColumns: ['t'], labelColumn: 'l' } as const;
    const labels = (names: string[]): unknown[] =>
      toExamples({ ...options, labels: names }).map(({ label }) => label);
    expect(labels(['ham', 'spam'])).toEqual([0, 1]);
    expect(labels(['spam', 'ham'])).toEqual([1, 0]);
  });

  it('carry both texts of a pair and their line', () => {
    const rows = table({ p: 'a', h: 3 });
    expect(toExamples({ rows, file, textColumns: ['p', 'h'] })).toEqual([
      { textA: 'a', textB: '3', line: 2 },
    ]);
  });

  it('take a whole number as an index only where it is not a name', () => {
    const rows = table({ t: 'a', l: 1 });
    const label = (labels: string[]): unknown =>
      toExamples({ rows, file, textColumns: ['t'], labelColumn: 'l', labels })[0]?.label;
    expect(label(['no', 'yes'])).toBe(1);
    expect(label(['1', '0'])).toBe(0);
  });

  it.each([['junk'], [2], [0.5], [-1]])('refuse label %s with file, row and labels', (value) => {
    const rows = table({ t: 'a', l: value });
    const labels = ['ham', 'spam'];
    expect(() =>
      toExamples({ rows, file, textColumns: ['t'], labelColumn: 'l', labels }),
    ).toThrowError(
      expect.objectContaining({
        code: 'label-unknown',
        place: { file, line: 2, at: 'l' },
        found: `\`${value}\``,
        expected: 'one of `ham`, `spam`',
      }) as Error,
    );
  });

  it('refuse a missing column and list those there are', () => {
    const rows = table({ t: 'a', l: 'x' });
    expect(() => toExamples({ rows, file, textColumns: ['text'] })).toThrowError(
      expect.objectContaining({ code: 'column-missing', found: 'columns `t`, `l`' }) as Error,
    );
  });
});

describe('inferred labels', () => {
  it('are sorted and do not depend on the order of the rows', () => {
    const records = [{ l: 'b' }, { l: 'a' }, { l: 'b' }, { l: 'C' }];
    expect(inferLabels(table(...records), 'l', file)).toEqual(['C', 'a', 'b']);
    expect(inferLabels(table(...records.reverse()), 'l', file)).toEqual(['C', 'a', 'b']);
  });

  it('are sorted by value where all are numbers', () => {
    expect(inferLabels(table({ l: 10 }, { l: '9' }, { l: 1 }), 'l', file)).toEqual([
      '1',
      '9',
      '10',
    ]);
  });

  it('need at least two', () => {
    expect(() => inferLabels(table({ l: 'a' }), 'l', file)).toThrowError(/same label/);
  });
});
