import { describe, expect, it } from 'vitest';
import { age, formatBytes, formatDuration } from '../../../src/extension/headline';
import { unknownModules } from '../../../src/extension/language/unknown-modules';
import { estimateText } from '../../../src/extension/preflight/estimate-text';
import { parseConfigText } from '../../../src/shared/config/parse';

describe('texts for people', () => {
  it('tell ages, sizes and durations', () => {
    expect(age(0, 30_000, 'en')).toBe('now');
    expect(age(0, 3 * 3_600_000, 'en')).toMatch(/^3 h/);
    expect(formatBytes(512)).toBe('512 B');
    expect(formatBytes(1_500_000_000)).toBe('1.50 GB');
    expect(formatDuration(30)).toBe('30 s');
    expect(formatDuration(3700)).toBe('62 min');
    expect(formatDuration(12_000)).toBe('3 h 20 min');
  });

  it('name every fact of an estimate and every warning', () => {
    const text = estimateText({
      backend: { name: 'wasm', reason: '', refused: [] },
      architecture: 'bert',
      trainable: 1000,
      total: 100_000,
      modules: 4,
      memoryBytes: 2e8,
      memoryLimit: 4e9,
      steps: 60,
      trainExamples: 320,
      evalExamples: 80,
      secondsEstimate: 45,
      secondsBasis: 'one timed step',
      warnings: ['no evaluation file'],
    });
    for (const fact of [
      'wasm',
      '1,000',
      '1.0 %',
      '200 MB',
      '60 steps',
      '45 s',
      'no evaluation file',
    ])
      expect(text).toContain(fact);
  });
});

describe('unknownModules', () => {
  const modules = [
    'bert.encoder.layer.0.attention.self.query',
    'bert.encoder.layer.0.output.dense',
  ];
  const text = (targets: string) =>
    `model: {name_or_path: ./m}\ntask: {train: t}\nadapter:\n  target_modules: ${targets}\n`;
  const check = (targets: string) => {
    const source = text(targets);
    const { config } = parseConfigText(source, 'a.flatscape.yaml');
    if (!config) throw new Error('the test config is not one');
    return unknownModules(source, 'a.flatscape.yaml', config, modules).map((problem) => ({
      ...problem,
      text: source.slice(problem.range.start, problem.range.end),
    }));
  };

  it('accepts names, path endings and whole paths', () => {
    expect(check('[query, self.query, bert.encoder.layer.0.output.dense]')).toEqual([]);
  });

  it('marks the item that names nothing and suggests the nearest', () => {
    expect(check('[query, dens]')).toMatchObject([
      { code: 'unknown-module', text: 'dens', suggestion: 'dense' },
    ]);
  });

  it('does not match half a name', () => {
    expect(check('[uery]')).toHaveLength(1);
  });

  it('leaves expressions to the engine', () => {
    expect(check("'.*nothing'")).toEqual([]);
  });
});
