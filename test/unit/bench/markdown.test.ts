import { describe, expect, it } from 'vitest';
import { benchMarkdown, digits, withQuartiles, withRange } from '../../../bench/markdown';
import type { BenchReport } from '../../../bench/report';

const report: BenchReport = {
  command: 'npm run bench -- --quick',
  date: '2026-01-02T03:04:05.000Z',
  minutes: 1.25,
  loadBefore: 0.1,
  machine: {
    ...{ platform: 'linux', arch: 'x64', node: '20.1.2', processor: 'A Processor' },
    ...{ cores: 2, memoryBytes: 8 * 2 ** 30 },
  },
  cards: [],
  versions: { Node: '20.1.2' },
  sections: [
    {
      ...{ id: 'steps', title: 'Step time', notes: ['How.'], leftOut: [], samples: {} },
      tables: [{ caption: '', head: ['a', 'b'], rows: [['x|y', '1']] }],
      targets: [
        { what: 'fast enough', atLeast: 1.5, unit: '×', found: 1.6, range: [1.5, 1.7] },
        { what: 'no leak', atMost: 0, unit: '', found: 12 },
      ],
    },
  ],
  leftOut: [{ what: '`webgpu`', why: 'not installed' }],
};

describe('the page of the benchmark', () => {
  const page = benchMarkdown(report);

  it('says which machine, which command, and what was left out', () => {
    expect(page).toContain('Written by `npm run bench -- --quick`');
    expect(page).toContain('A Processor, 2 cores');
    expect(page).toContain('- `webgpu`: not installed');
    expect(page).not.toContain('not quiet');
    expect(benchMarkdown({ ...report, loadBefore: 3 })).toContain('The machine was not quiet');
  });

  it('judges every target by its figure', () => {
    expect(page).toContain('| fast enough | at least 1.5× | 1.60× [1.50–1.70] | met |');
    expect(page).toContain('| no leak | at most 0 | 12.0 | **missed** |');
  });

  it('keeps a table a table', () => {
    expect(page).toContain('| a | b |\n|---|---|\n| x\\|y | 1 |');
  });

  it('writes three digits, with their spread', () => {
    expect([0.01234, 1.234, 12.34, 123.4, 1234.5, 0].map(digits)).toEqual([
      ...['0.0123', '1.23', '12.3', '123', '1235', '0'],
    ]);
    const summary = { median: 2, q1: 1, q3: 3, min: 0.5, max: 4, count: 9 };
    expect(withQuartiles(summary)).toBe('2.00 [1.00–3.00]');
    expect(withRange(summary)).toBe('2.00 [0.500–4.00]');
  });
});
