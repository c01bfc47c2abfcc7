import { describe, expect, it } from 'vitest';
import { HEAT_LEVELS, heatLevels } from '../../../src/shared/layers/heat';
import { foldsOf, layersText, lineOfModule } from '../../../src/shared/layers/layers-text';
import { DEFAULT_ORDER, readOrder, writeOrder } from '../../../src/shared/layers/order';
import { syntheticLayers, withValues } from './support';

const layers = syntheticLayers();
const paths = layers.modules.map(({ path }) => path);

describe('the layers document', () => {
  const { text } = layersText(layers, DEFAULT_ORDER);
  const lines = text.trimEnd().split('\n');

  it('has one line per module, and says what was measured, where and when', () => {
    for (const path of paths) expect(text.split(path)).toHaveLength(2);
    const head = lines.filter((line) => line.startsWith('#')).join('\n');
    for (const fact of [
      ...['sst2-efmlora-20261121-093000', 'step 300 of 300', 'probe of step 300'],
      ...['row space of A', 'rho 0.05', 'batch of 32 (train)', 'seed 42'],
    ])
      expect(head).toContain(fact);
    expect(head).toMatch(/measured \d{4}-\d\d-\d\d \d\d:\d\d/);
  });

  it('aligns its columns: every number ends where its head does', () => {
    const table = lines.slice(lines.indexOf('') + 1);
    const [head = ''] = table;
    const ends = [...head.matchAll(/\S+/g)].slice(1).map((m) => m.index + m[0].length);
    expect(ends).toHaveLength(9);
    for (const line of table.filter((l) => l.includes('bert.')))
      for (const end of ends) {
        expect(line[end - 1]).toMatch(/\S/);
        expect(line[end] ?? ' ').toBe(' ');
      }
  });

  it('is sorted by block and within, the sharpest module first', () => {
    const { sharpness = [] } = layers.values;
    const sharpest = sharpness.indexOf(Math.max(...sharpness));
    const first = lines.findIndex((line) => line.startsWith('block '));
    expect(lines[first + 1]).toContain(paths[sharpest]);
    expect(lines[first]).toContain(`block ${layers.modules[sharpest]?.layer} (2)`);
  });

  it('is sorted without blocks when asked, and modules without a value come last', () => {
    const kappaB = [4, 2, NaN, 8, 1, 7, 3, 5];
    const some = withValues(layers, { kappaB });
    for (const descending of [true, false]) {
      const { text } = layersText(some, { by: 'kappaB', descending, blocks: false });
      const found = [...text.matchAll(/^bert\S+/gm)].map(([path]) => kappaB[paths.indexOf(path)]);
      const known = [1, 2, 3, 4, 5, 7, 8];
      expect(found).toEqual([...(descending ? known.reverse() : known), NaN]);
      expect(text).not.toContain('block ');
    }
  });

  it('keeps the order of the model when asked', () => {
    const { text } = layersText(layers, { by: 'model', descending: true, blocks: true });
    expect([...text.matchAll(/bert\S+/g)].map(([path]) => path)).toEqual(paths);
  });

  it('folds the head and every block', () => {
    const folds = foldsOf(text);
    expect(folds).toHaveLength(1 + 4);
    expect(lines[folds[0]?.end ?? -1]).toMatch(/^#/);
    for (const { start, end } of folds.slice(1)) {
      expect(lines[start]).toMatch(/^block \d \(2\)/);
      expect(end - start).toBe(2);
    }
  });

  it('leaves out columns that were not measured', () => {
    const { text } = layersText(syntheticLayers({ method: 'lora' }), DEFAULT_ORDER);
    expect(text).toContain('kappa_A');
    expect(text).not.toContain('rho_eff');
  });

  it('finds the line of a module, not of one whose path begins alike', () => {
    const text = 'x\n  a.b.long  1\n  a.b  2\n';
    expect(lineOfModule(text, 'a.b')).toBe(2);
    expect(lineOfModule(text, 'a')).toBe(-1);
  });

  it('colours exactly the numbers of the column it is sorted by', () => {
    const { text, heat } = layersText(layers, { by: 'kappaA', descending: true, blocks: true });
    const lines = text.split('\n');
    const marked = heat.map(({ line, start, end }) => Number(lines[line]?.slice(start, end)));
    const wanted = (layers.values.kappaA ?? []).map((v) => Number(v.toPrecision(4)));
    // The smallest has no colour.
    expect(marked.sort()).toEqual(wanted.sort().slice(1));
    expect(Math.max(...heat.map(({ level }) => level))).toBe(HEAT_LEVELS);
  });
});

describe('heat', () => {
  it('grows with the value, from none to the strongest', () => {
    expect(heatLevels('kappaA', [1, 2, 3, 4, 5, 6])).toEqual([0, 1, 2, 3, 4, 5]);
    expect(heatLevels('kappaA', [1, Infinity, NaN, 2])).toEqual([0, 5, 0, 5]);
  });

  it('is the size of a signed quantity, but a negative sharpness has none', () => {
    expect(heatLevels('balancedness', [-2, 0, 1])).toEqual([5, 0, 3]);
    expect(heatLevels('sharpness', [-2, 0, 1])).toEqual([0, 0, 5]);
  });

  it('is none where all are equal', () => {
    expect(heatLevels('normA', [2, 2, 2])).toEqual([0, 0, 0]);
    expect(heatLevels('normA', [])).toEqual([]);
  });
});

describe('an order in an address', () => {
  it('comes back as it was', () => {
    const order = { by: 'kappaB', descending: false, blocks: false } as const;
    expect(readOrder(writeOrder(order))).toEqual(order);
  });

  it('is the default where it cannot be read', () => {
    for (const query of ['', 'sort=colour&order=up', '&&=', 'sort'])
      expect(readOrder(query)).toEqual(DEFAULT_ORDER);
  });
});
