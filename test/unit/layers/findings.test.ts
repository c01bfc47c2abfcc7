import { describe, expect, it } from 'vitest';
import { parseConfigText } from '../../../src/shared/config/parse';
import { setKey } from '../../../src/shared/config/set-key';
import { changedKeys } from '../../../src/shared/layers/changed-keys';
import { findingsOf, THRESHOLDS } from '../../../src/shared/layers/findings';
import type { MeasuredLayers } from '../../../src/shared/layers/measured-layers';
import { syntheticLayers, withValues } from './support';

const all = (value: number, count = 8) => Array.from({ length: count }, () => value);
const one = (first: number, rest: number, count = 8) => [first, ...all(rest, count - 1)];
const quiet = withValues(syntheticLayers(), {
  share: all(1 / 8),
  kappaA: all(2),
  kappaB: all(10),
  rhoEffRatio: all(0.5),
});
const codes = (layers: MeasuredLayers) => findingsOf(layers, []).map(({ code }) => code);
const ON_GPU = { name: 'webgpu', reason: 'asked for', device: 'a GPU', refused: [] };

/** The layers of a run with this method and backend. */
function measured(
  values: MeasuredLayers['values'],
  method: Record<string, unknown> = {},
  backend?: typeof ON_GPU,
): MeasuredLayers {
  const { manifest } = syntheticLayers({ config: { method } });
  if (!manifest) throw new Error('a run');
  return {
    ...withValues(quiet, values),
    manifest: { ...manifest, ...(backend && { backend }) },
  };
}

describe('findings, a row per rule', () => {
  const rows: [string, MeasuredLayers, string[]][] = [
    ['nothing to say', quiet, []],
    ['half of the sharpness in one module', measured({ share: one(0.5, 0.5 / 7) }), []],
    ['more than half', measured({ share: one(0.51, 0.07) }), ['sharp-layer']],
    ['three modules only', measured({ share: [0.9, 0.05, 0.05, NaN, NaN, NaN, NaN, NaN] }), []],
    ['κ(A) at 31 with float64 Grams', measured({ kappaA: one(31, 2) }), []],
    ['κ(A) at 31 on a GPU', measured({ kappaA: one(31, 2) }, {}, ON_GPU), ['kappa']],
    [
      'κ(A) at 31 on a GPU with float64',
      measured({ kappaA: one(31, 2) }, { gram_dtype: 'float64' }, ON_GPU),
      [],
    ],
    [
      'κ(B) at 301 with float32',
      measured({ kappaB: one(301, 2) }, { gram_dtype: 'float32' }),
      ['kappa'],
    ],
    ['κ(A) at 29 with float32', measured({ kappaA: all(29) }, { gram_dtype: 'float32' }), []],
    ['κ(A) above 1/tau_a', measured({ kappaA: one(1.1e6, 2) }), ['kappa-truncated']],
    ['κ(A) infinite', measured({ kappaA: one(Infinity, 2) }), ['kappa-truncated']],
    [
      'κ(A) with a method that inverts nothing',
      measured({ kappaA: one(1e7, 2) }, { name: 'lora', gram_dtype: 'float32' }),
      [],
    ],
    ['half the radius', measured({ rhoEffRatio: all(0.31) }), []],
    ['a seventh of the radius', measured({ rhoEffRatio: all(0.15) }), ['rho-eff']],
    ['one small radius among many', measured({ rhoEffRatio: one(0.01, 0.6) }), []],
    ['A_only', measured({ rhoEffRatio: all(0.15) }, { grad_estimator: 'A_only' }), []],
    ['exact', measured({ rhoEffRatio: all(0.15) }, { radius_correction: 'exact' }), []],
    ['nothing measured', { ...quiet, values: {} }, []],
  ];
  it.each(rows)('%s', (_, layers, expected) => {
    expect(codes(layers)).toEqual(expected);
  });

  it('name run, step, value and threshold', () => {
    const layers = measured({
      share: one(0.63, 0.05),
      kappaA: one(2e6, 2),
      rhoEffRatio: all(0.15),
    });
    const [sharp, kappa, rho] = findingsOf(layers, []).map(({ message }) => message);
    for (const message of [sharp, kappa, rho]) {
      expect(message).toContain('sst2-efmlora-20261121-093000');
      expect(message).toContain('step 300');
    }
    expect(sharp).toContain('63 %');
    expect(sharp).toContain(`threshold ${100 * THRESHOLDS.share} %`);
    expect(sharp).toMatch(/row space of A, ρ 0.05, batch of 32 \(train\), seed 42/);
    expect(kappa).toContain('2.00e+6'.replace('2.00e+6', '2000000'));
    expect(rho).toContain('15 %');
    expect(rho).toContain('threshold 30 %');
  });

  it('are gone once what they are about has changed, and say what else has', () => {
    const layers = measured({ rhoEffRatio: all(0.15) });
    const change = (name: string) => [{ name, was: '1', is: '2' }];
    expect(findingsOf(layers, change('method.radius_correction'))).toEqual([]);
    expect(findingsOf(layers, change('adapter.r'))).toEqual([]);
    const [still] = findingsOf(layers, change('optimizer.lr'));
    expect(still?.message).toContain('changed since: optimizer.lr');
  });
});

describe('quick fixes', () => {
  const text =
    'model:\n  name_or_path: ./m\ntask:\n  train: t.csv\nadapter:\n  r: 8 # rank\nmethod:\n  name: efmlora\n';

  it('make a config that parses, and in which the finding is gone', () => {
    const base = parseConfigText(text, 'a.flatscape.yaml').config;
    const layers = measured({ share: one(0.9, 0.1 / 7), rhoEffRatio: all(0.1) });
    const { manifest } = layers;
    if (!base || !manifest) throw new Error('a run');
    const run = { ...layers, manifest: { ...manifest, config: base } };
    const findings = findingsOf(run, []);
    expect(findings.flatMap(({ fixes }) => fixes)).toHaveLength(3);
    for (const { code, fixes } of findings)
      for (const fix of fixes) {
        const { config, problems } = parseConfigText(
          applied(text, 'a.flatscape.yaml', fix),
          'a.flatscape.yaml',
        );
        expect(problems).toEqual([]);
        if (!config) throw new Error('a config');
        const left = findingsOf(run, changedKeys(base, config)).map((f) => f.code);
        expect(left).not.toContain(code);
      }
  });
});

describe('setKey', () => {
  const set = (value: string) => ({ path: ['method', 'gram_dtype'] as const, value });
  const append = {
    path: ['adapter', 'exclude_modules'] as const,
    value: 'a.b',
    append: true,
  } as const;

  it.each([
    [
      'replaces a value',
      'method:\n  gram_dtype: auto # why\n',
      set('x'),
      'method:\n  gram_dtype: x # why\n',
    ],
    [
      'adds behind the last key',
      'method:\n  rho: 1 # why\n\ntask:\n',
      set('x'),
      'method:\n  rho: 1 # why\n  gram_dtype: x\n\ntask:\n',
    ],
    [
      'adds behind a block list',
      'method:\n  a:\n    - 1\ntask: 1\n',
      set('x'),
      'method:\n  a:\n    - 1\n  gram_dtype: x\ntask: 1\n',
    ],
    ['adds to a flow map', 'method: { rho: 1 }\n', set('x'), 'method: { rho: 1, gram_dtype: x }\n'],
    ['adds a section', 'model: 1\r\n', set('x'), 'model: 1\r\nmethod:\r\n  gram_dtype: x\r\n'],
    [
      'adds a section without a newline at the end',
      'model: 1',
      set('x'),
      'model: 1\nmethod:\n  gram_dtype: x',
    ],
    [
      'appends to a flow list',
      'adapter:\n  exclude_modules: [c]\n',
      append,
      'adapter:\n  exclude_modules: [c, a.b]\n',
    ],
    [
      'appends to a block list',
      'adapter:\n  exclude_modules:\n    - c # why\n',
      append,
      'adapter:\n  exclude_modules:\n    - c # why\n    - a.b\n',
    ],
    ['makes a list', 'adapter:\n  r: 8\n', append, 'adapter:\n  r: 8\n  exclude_modules: [a.b]\n'],
  ])('%s in YAML', (_, text, setting, expected) => {
    expect(applied(text, 'a.yaml', setting)).toBe(expected);
  });

  it.each([
    [
      'replaces a value',
      '{"method": {"gram_dtype": "auto"}}',
      set('x'),
      '{"method": {"gram_dtype": "x"}}',
    ],
    [
      'adds a key on a line of its own',
      '{\n  "method": {\n    "rho": 1\n  }\n}',
      set('x'),
      '{\n  "method": {\n    "rho": 1,\n    "gram_dtype": "x"\n  }\n}',
    ],
    ['adds a section', '{"model": 1}', set('x'), '{"model": 1, "method": { "gram_dtype": "x" }}'],
    [
      'makes a list',
      '{"adapter": {"r": 8}}',
      append,
      '{"adapter": {"r": 8, "exclude_modules": ["a.b"]}}',
    ],
  ])('%s in JSON', (_, text, setting, expected) => {
    expect(applied(text, 'a.json', setting)).toBe(expected);
  });

  it('leaves alone what it cannot understand', () => {
    for (const text of [
      '',
      'method:\n',
      'method: [',
      'method: 3\n',
      'adapter: { exclude_modules: a }\n',
    ])
      expect(setKey(text, 'a.yaml', text.includes('adapter') ? append : set('x'))).toBeUndefined();
  });
});

function applied(text: string, name: string, setting: Parameters<typeof setKey>[2]): string {
  const edit = setKey(text, name, setting);
  if (!edit) throw new Error('no edit');
  return text.slice(0, edit.range.start) + edit.text + text.slice(edit.range.end);
}
