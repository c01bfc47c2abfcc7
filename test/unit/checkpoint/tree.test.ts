import { describe, expect, it } from 'vitest';
import {
  allModules,
  buildTree,
  initiallyExpanded,
  matching,
  visibleRows,
} from '../../../src/shared/checkpoint/tree';
import { findPairs } from '../../../src/shared/checkpoint/pairs';

const tensor = (name: string, shape = [2, 3], dtype = 'F32') => {
  const bytes = 4 * shape.reduce((a, b) => a * b, 1);
  return { name, dtype, shape, file: 0, begin: 0, end: bytes };
};
const tree = (...names: string[]) => {
  const tensors = names.map((name) => tensor(name));
  return buildTree(
    tensors,
    tensors.map((_, i) => i),
  );
};
const everything = (roots: ReturnType<typeof tree>) =>
  visibleRows(roots, () => true).map(({ node, level }) => `${level} ${node.label}`);

describe('the tree of tensors', () => {
  it('follows the dots, joins single children, and counts layers as a person does', () => {
    const roots = tree('model.layers.10.up.weight', 'model.layers.9.up.weight', 'lm_head.weight');
    expect(everything(roots)).toEqual([
      '1 lm_head.weight',
      '1 model.layers',
      '2 9.up.weight',
      '2 10.up.weight',
    ]);
    const [, model] = roots;
    expect([model?.tensors, model?.values, model?.bytes]).toEqual([2, 12, 48]);
  });

  it('shows both a tensor and a module of the same name', () => {
    const roots = tree('a', 'a.b', 'a.c');
    expect(everything(roots)).toEqual(['1 a', '1 a', '2 b', '2 c']);
    expect(new Set(visibleRows(roots, () => true).map(({ node }) => node.path)).size).toBe(4);
  });

  it('takes any name, also one that an object would choke on', () => {
    const rows = visibleRows(tree('__proto__.constructor', '', '..', 'a.b'), () => true);
    expect(rows.flatMap(({ node }) => node.tensor ?? []).sort()).toEqual([0, 1, 2, 3]);
  });

  it('opens level by level as far as a screen goes', () => {
    const layers = Array.from({ length: 30 }, (_, i) => [`m.l.${i}.a`, `m.l.${i}.b`]).flat();
    const roots = tree(...layers, 'head');
    expect(initiallyExpanded(roots, 40)).toEqual(['m.l.']);
    expect(allModules(roots).length).toBe(31);
    expect(visibleRows(roots, (path) => path === 'm.l.').length).toBe(32);
  });

  it('numbers siblings for those who hear the table', () => {
    const rows = visibleRows(tree('a.x', 'a.y', 'b.z'), () => true);
    expect(rows.map(({ place, siblings }) => [place, siblings])).toEqual([
      [1, 2],
      [1, 2],
      [2, 2],
      [2, 2],
    ]);
  });

  it('finds by every word of a filter, in name, dtype and shape', () => {
    const all = [
      tensor('a.query', [4, 8]),
      tensor('a.value', [4, 8], 'BF16'),
      tensor('b.query', [8]),
    ];
    expect(matching(all, 'QUERY', undefined)).toEqual([0, 2]);
    expect(matching(all, 'a. bf16', undefined)).toEqual([1]);
    expect(matching(all, '[4,8]', undefined)).toEqual([0, 1]);
    expect(matching(all, '', 1)).toEqual([]);
  });
});

describe('LoRA pairs', () => {
  const pairs = (...tensors: ReturnType<typeof tensor>[]) =>
    findPairs(tensors).map(({ module, adapter, kind, rank, inputs, outputs }) =>
      [module, adapter, kind, rank, inputs, outputs].join(' '),
    );
  const P = 'base_model.model.';

  it('are found under each of the names that PEFT gives them', () => {
    expect(
      pairs(
        tensor(`${P}q.lora_B.weight`, [6, 2]),
        tensor(`${P}q.lora_A.weight`, [2, 5]),
        tensor(`${P}q.lora_A.mine.weight`, [3, 5]),
        tensor(`${P}q.lora_B.mine.weight`, [6, 3]),
        tensor(`${P}e.lora_embedding_A`, [2, 50]),
        tensor(`${P}e.lora_embedding_B`, [7, 2]),
        tensor(`${P}c.lora_A.weight`, [2, 3, 2, 2]),
        tensor(`${P}c.lora_B.weight`, [8, 2, 1, 1]),
      ),
    ).toEqual([
      'q  linear 2 5 6',
      'q mine linear 3 5 6',
      'e  embedding 2 50 7',
      'c  convolution 2 12 8',
    ]);
  });

  it.each([
    ['A alone', [tensor('q.lora_A.weight', [2, 5])]],
    ['ranks that differ', [tensor('q.lora_A.weight', [2, 5]), tensor('q.lora_B.weight', [6, 3])]],
    ['another module', [tensor('q.lora_A.weight', [2, 5]), tensor('v.lora_B.weight', [6, 2])]],
    [
      'biases and magnitudes',
      [tensor('q.lora_B.bias', [6]), tensor('q.lora_magnitude_vector', [6])],
    ],
    ['vectors', [tensor('q.lora_A.weight', [2]), tensor('q.lora_B.weight', [2])]],
    ['nothing in them', [tensor('q.lora_A.weight', [0, 5]), tensor('q.lora_B.weight', [6, 0])]],
  ])('are not made of %s', (_, tensors) => {
    expect(pairs(...tensors)).toEqual([]);
  });
});
