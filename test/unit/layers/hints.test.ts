import { describe, expect, it } from 'vitest';
import { hintPlaces, placeAt } from '../../../src/shared/layers/hint-places';
import { hintText, settingLines } from '../../../src/shared/layers/hint-texts';
import { hoverTable } from '../../../src/shared/layers/hover-table';
import { changedKeys, changeText } from '../../../src/shared/layers/changed-keys';
import { parseConfigText } from '../../../src/shared/config/parse';
import { syntheticLayers, withValues } from './support';

/** The text with `«key»` where each hint stands. */
function marked(text: string, fileName: string, kind: 'config' | 'adapter' = 'config'): string {
  return [...hintPlaces(text, fileName, kind)]
    .sort((a, b) => b.offset - a.offset)
    .reduce((t, { key, offset }) => `${t.slice(0, offset)}«${key}»${t.slice(offset)}`, text);
}

describe('hints stand', () => {
  it('behind the values of YAML, before a comment on the same line', () => {
    const text = [
      'adapter: # what is trained',
      '  r: 8 # rank',
      '  lora_alpha: 16',
      '  target_modules: [query, value] # two',
      'method:',
      '  beta: 0.99',
      '  rho: 0.05   ',
      '',
    ].join('\n');
    expect(marked(text, 'a.flatscape.yaml')).toBe(
      [
        'adapter: # what is trained',
        '  r: 8«r» # rank',
        '  lora_alpha: 16«lora_alpha»',
        '  target_modules: [query, value]«target_modules» # two',
        'method:',
        '  beta: 0.99«beta»',
        '  rho: 0.05«rho»   ',
        '',
      ].join('\n'),
    );
  });

  it('at the end of the key’s line, where the value takes several', () => {
    const text =
      'adapter:\r\n  target_modules: # these\r\n    - query\r\n    - value\r\n  r: 8\r\n';
    expect(marked(text, 'a.flatscape.yml')).toBe(
      'adapter:\r\n  target_modules: # these«target_modules»\r\n    - query\r\n    - value\r\n  r: 8«r»\r\n',
    );
  });

  it('behind the commas of JSON', () => {
    const text =
      '{"adapter": {"r": 8, "target_modules": [\n  "query"\n ]},\n "method": {"rho": 1}}';
    expect(marked(text, 'a.flatscape.json')).toBe(
      '{"adapter": {"r": 8,«r» "target_modules": [«target_modules»\n  "query"\n ]},\n "method": {"rho": 1«rho»}}',
    );
  });

  it('at the top-level keys of an adapter_config.json, and nowhere else in it', () => {
    const text = '{\n  "lora_alpha": 16,\n  "r": 8,\n  "rho": 1\n}';
    expect(marked(text, 'adapter_config.json', 'adapter')).toBe(
      '{\n  "lora_alpha": 16,«lora_alpha»\n  "r": 8,«r»\n  "rho": 1\n}',
    );
  });

  it('nowhere in a text without those keys, and survive garbage', () => {
    for (const text of ['', 'method:', 'adapter:\n  r:', 'r: 8', '{', '][', '- r: 8'])
      for (const name of ['a.flatscape.yaml', 'a.flatscape.json'])
        for (const { offset } of hintPlaces(text, name, 'config'))
          expect(offset).toBeLessThanOrEqual(text.length);
    expect(hintPlaces('r: 8\nrho: 1\n', 'a.flatscape.yaml', 'config')).toEqual([]);
  });

  it('where a hover on key or value finds them', () => {
    const text = 'method:\n  rho: 0.05\n';
    const places = hintPlaces(text, 'a.flatscape.yaml', 'config');
    expect(placeAt(places, text.indexOf('rho'))?.key).toBe('rho');
    expect(placeAt(places, text.indexOf('05'))?.key).toBe('rho');
    expect(placeAt(places, 2)).toBeUndefined();
  });
});

describe('hints say', () => {
  const layers = withValues(syntheticLayers(), {
    share: [0.1, 0.6, 0.1, 0.1, 0.025, 0.025, 0.025, 0.025],
    kappaA: [2, 3, 4, 5, 6, 7, 8, Infinity],
    kappaB: [10, 10, 10, 10, 10, 10, 10, NaN],
    normDeltaW: [0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5],
    rhoEffRatio: [0.47, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.67123],
    emaCosine: [0.4, 0.4, 0.4, 0.4, 0.4, 0.4, 0.4, -0.1],
    normEhat: [0.3, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3],
  });

  it('what was measured of the thing that the key sets', () => {
    expect(hintText('target_modules', layers)).toBe('sharpest 60 %: 0.attention.self.value');
    expect(hintText('r', layers)).toBe('median κ(A) 5.5, κ(B) 10');
    expect(hintText('lora_alpha', layers)).toBe('s 2, median ‖ΔW‖ 0.5');
    expect(hintText('rho', layers)).toBe('ρ_eff 0.47–0.671 ρ');
    expect(hintText('beta', layers)).toBe('median cos 0.4, ‖Ê‖ 0.3');
  });

  it('nothing where nothing was measured', () => {
    const none = { ...layers, values: {} };
    for (const key of ['target_modules', 'r', 'lora_alpha', 'beta'] as const)
      expect(hintText(key, none)).toBeUndefined();
    expect(hintText('rho', none)).toMatch(/^sharpness .+ at ρ 0.05$/);
  });

  it('run, step, space, rho, batch, seed and date in their tooltip', () => {
    const text = settingLines(layers).join('\n');
    for (const fact of [
      ...['sst2-efmlora-20261121-093000', 'step 300', 'row space of A', 'ρ 0.05'],
      ...['batch of 32', 'seed 42', '2026-11-21'],
    ])
      expect(text).toContain(fact);
  });
});

describe('the hover table', () => {
  it('has the five modules that stand out, the largest or smallest first', () => {
    const layers = withValues(syntheticLayers(), {
      rhoEffRatio: [0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1],
    });
    const table = hoverTable('rho', layers) ?? '';
    const rows = table.split('\n').filter((line) => line.includes('bert'));
    expect(rows.map((row) => row.split(' | ')[1])).toEqual([
      '0.1000',
      '0.2000',
      '0.3000',
      '0.4000',
      '0.5000',
    ]);
    expect(table).toContain('and 3 more');
    expect(table).toContain('row space of A');
  });

  it('escapes names, which are from files', () => {
    const layers = syntheticLayers({ modules: 1 });
    const [module] = layers.modules;
    const evil = '[x](command:evil)|`<b>';
    const table = hoverTable('r', {
      ...layers,
      modules: module ? [{ ...module, path: evil }] : [],
    });
    expect(table).toContain('\\[x\\]\\(command:evil\\)\\|\\`\\<b\\>');
  });

  it('is none where nothing was measured', () => {
    expect(hoverTable('beta', { ...syntheticLayers(), values: {} })).toBeUndefined();
  });
});

describe('a config has changed since the run', () => {
  const base = 'model: {name_or_path: ./m}\ntask: {train: t.csv}\nmethod: {rho: 0.05}\n';
  const config = (text: string) => {
    const parsed = parseConfigText(text, 'a.flatscape.yaml').config;
    if (!parsed) throw new Error('a good config');
    return parsed;
  };

  it('when a key that counts has another value, and each is named', () => {
    const changed = changedKeys(
      config(base),
      config(base.replace('0.05', '0.1') + 'adapter: {exclude_modules: [a]}\n'),
    );
    expect(changed.map(changeText)).toEqual([
      'method.rho: 0.05 → 0.1',
      'adapter.exclude_modules: not set → ["a"]',
    ]);
  });

  it('not by comments, spelled-out defaults or where runs are kept', () => {
    const same = `# new\n${base}output: {dir: elsewhere}\nadapter: {r: 8}\n`;
    expect(changedKeys(config(base), config(same))).toEqual([]);
  });
});
