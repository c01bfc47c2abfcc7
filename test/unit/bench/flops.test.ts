import { describe, expect, it } from 'vitest';
import { flopsOf, stepProducts, type Product, type StepShape } from '../../../bench/flops';

const shape: StepShape = {
  ...{ rows: 3, length: 5, layers: 2, hidden: 8, intermediate: 16, heads: 2 },
  ...{ labels: 2, rank: 4, targets: ['query', 'value'] },
};

const of = (products: readonly Product[], kind: Product['kind']): number =>
  flopsOf(products.filter((product) => product.kind === kind));

describe('the count of operations of a step', () => {
  it('equals one made by hand for two blocks', () => {
    const [t, r, d, f] = [15, 3, 8, 16]; // tokens, rows, widths
    const dd = 2 * d * d;
    const df = 2 * d * f;
    const first = 3 * t * dd + 2 * (t * dd) + 2 * 2 * (t * df); // no gradient of the embeddings
    const last = 2 * (r * dd) + 2 * 2 * (t * dd) + 2 * (r * dd) + 2 * 2 * (r * df);
    const head = 2 * r * dd + 3 * (2 * r * d * 2);
    expect(of(stepProducts(shape), 'dense')).toBe(first + last + head);

    const narrow = 2 * d * 4; // for each token, to or from rank 4
    const adapters = 2 * 5 * t * narrow + 6 * r * narrow + 6 * t * narrow;
    expect(of(stepProducts(shape), 'adapter')).toBe(adapters);

    // Scores or mixture: of all queries; of the first one of each row.
    const [all, one] = [2 * 3 * 5 * 5 * d, 2 * 3 * 1 * 5 * d];
    // The first block's key has no gradient: 2 forward, then dv, dp and dq.
    expect(of(stepProducts(shape), 'attention')).toBe(5 * all + 6 * one);
  });

  it('needs no gradient below the first adapter', () => {
    const none = of(stepProducts({ ...shape, targets: [] }), 'dense');
    const forward = 15 * (4 * 128 + 2 * 256) + 15 * 2 * 128 + 3 * (2 * 128 + 2 * 256 + 128 + 32);
    expect(none).toBe(forward + 2 * 3 * 8 * 2); // and dW of the classifier
  });

  it('grows with the rank only in the adapters', () => {
    const [small, large] = [stepProducts(shape), stepProducts({ ...shape, rank: 8 })];
    expect(of(large, 'adapter')).toBe(2 * of(small, 'adapter'));
    expect(of(large, 'dense')).toBe(of(small, 'dense'));
  });

  it('gathers equal products', () => {
    const products = stepProducts(shape);
    const keys = products.map(({ kind, m, k, n, batches }) => [kind, m, k, n, batches].join());
    expect(new Set(keys).size).toBe(keys.length);
  });
});
