import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { innerProduct, multiply, norm } from '../../../src/engine/algebra/small-matrix';
import { extremes } from '../../../src/engine/landscape/hessian-top';
import { hutchpp } from '../../../src/engine/landscape/hutchpp';
import { lanczos } from '../../../src/engine/landscape/lanczos';
import type { Operator } from '../../../src/engine/landscape/operator';
import { powerIteration } from '../../../src/engine/landscape/power-iteration';
import { gaussian, rademacher } from '../../../src/engine/landscape/random-vectors';
import { densityCurve, quadrature } from '../../../src/engine/landscape/spectral-density';
import { StepSearch } from '../../../src/engine/landscape/step-search';
import { FIXTURES } from '../../support/bert-fixture';

/** float64 on both sides; n = 24, condition numbers below 100. */
const EXACT = 1e-10;

/** The same float64 products in the same order, up to the order of sums. */
const SAME_ITERATION = 1e-9;

/** PyHessian divides by ‖v‖ + 1e-6: its Lanczos vectors are short of norm 1 by 1e-6/‖v‖, ours are not. */
const SHORT_VECTORS = 1e-5;

interface Known {
  readonly matrix: number[][];
  /** Descending. */
  readonly values: number[];
  readonly power: { readonly starts: number[][]; readonly eigenvalues: number[] };
  readonly density: {
    readonly starts: number[][];
    readonly steps: number;
    readonly runs: [number, number][][];
    readonly curve: { variance: number; at: number[]; grid: number[]; density: number[] };
  };
}

const { known } = JSON.parse(readFileSync(`${FIXTURES}/landscape/hessian.json`, 'utf8')) as {
  known: Known;
};
const dimension = known.matrix.length;
const matrix = Float64Array.from(known.matrix.flat());

function operatorOf(m: Float64Array, n: number): Operator & { products: number } {
  const operator = {
    ...{ dimension: n, products: 0 },
    apply: (v: Float64Array) => {
      operator.products++;
      return Promise.resolve(multiply(m, v, { rows: n, inner: n, columns: 1 }));
    },
  };
  return operator;
}

const whole = [{ key: 'x', offset: 0, size: dimension }];
const signs = (index: number) => rademacher(whole, { seed: 3, index });
const normals = (index: number) => gaussian(whole, { seed: 3, index });
const trace = known.values.reduce((sum, value) => sum + value, 0);

describe('Lanczos', () => {
  it('finds both ends of a known spectrum, with their signs and eigenvectors', async () => {
    const operator = operatorOf(matrix, dimension);
    const found = await extremes(operator, {
      ...{ count: 2, steps: dimension, tolerance: 1e-9, start: normals },
    });
    const expected = [...known.values.slice(0, 2), ...known.values.slice(-2)];
    found.values.forEach((value, i) =>
      expect(Math.abs(value - (expected[i] as number))).toBeLessThan(1e-7),
    );
    expect(found.converged).toBe(true);
    for (const [i, value] of found.values.entries()) {
      const v = found.vector(i);
      const product = await operator.apply(v);
      const residual = norm(product.map((x, j) => x - value * (v[j] as number)));
      expect(Math.abs(residual - (found.residuals[i] as number))).toBeLessThan(1e-6);
    }
  });

  it('says how far it is where it stops early', async () => {
    const found = await extremes(operatorOf(matrix, dimension), {
      ...{ count: 2, steps: 5, tolerance: 1e-9, start: normals },
    });
    expect(found.converged).toBe(false);
    expect(found.iterations).toBe(5);
    // Residuals bound the distance to an eigenvalue.
    found.values.forEach((value, i) => {
      const nearest = Math.min(...known.values.map((exact) => Math.abs(exact - value)));
      expect(nearest).toBeLessThanOrEqual((found.residuals[i] as number) + EXACT);
    });
  });

  it('keeps an orthonormal basis where plain Lanczos loses it', async () => {
    const n = 60;
    const spread = new Float64Array(n * n);
    for (let i = 0; i < n; i++) spread[i * n + i] = 10 ** (-i / 6);
    const blocks = [{ key: 'x', offset: 0, size: n }];
    const fresh = (index: number) => gaussian(blocks, { seed: 1, index });
    const { basis } = await lanczos(operatorOf(spread, n), fresh(0), { steps: n, fresh });
    for (const [i, u] of basis.entries())
      for (const v of basis.slice(0, i)) expect(Math.abs(innerProduct(u, v))).toBeLessThan(1e-12);
  });

  it('goes on where the Krylov space of its start is exhausted', async () => {
    const n = 6;
    const diagonal = new Float64Array(n * n);
    [5, 5, 2, 2, -1, -1].forEach((value, i) => (diagonal[i * n + i] = value));
    const blocks = [{ key: 'x', offset: 0, size: n }];
    const found = await extremes(operatorOf(diagonal, n), {
      ...{ count: 3, steps: n, tolerance: 1e-9 },
      start: (index) => gaussian(blocks, { seed: 2, index }),
    });
    [5, 5, 2, 2, -1, -1].forEach((value, i) =>
      expect(Math.abs((found.values[i] as number) - value)).toBeLessThan(EXACT),
    );
  });
});

describe('power iteration', () => {
  it('is PyHessian’s, product by product, and returns its λ_old', async () => {
    const { starts, eigenvalues } = known.power;
    const found = await powerIteration(operatorOf(matrix, dimension), {
      ...{ count: 3, steps: 100, tolerance: 1e-3 },
      start: (index) => Float64Array.from(starts[index] as number[]),
    });
    found.values.forEach((value, i) =>
      expect(Math.abs(value - (eigenvalues[i] as number))).toBeLessThan(SAME_ITERATION),
    );
    // λ_old: not yet the eigenvalue, by the tolerance that it stopped at.
    expect(Math.abs((found.values[0] as number) - 30)).toBeGreaterThan(1e-6);
  });
});

describe('quadrature', () => {
  it('has PyHessian’s nodes and weights from the same starts', async () => {
    const { starts, steps, runs } = known.density;
    for (const [i, start] of starts.entries()) {
      const { nodes, weights } = await quadrature(
        operatorOf(matrix, dimension),
        Float64Array.from(start),
        { steps, fresh: normals },
      );
      runs[i]?.forEach(([node, weight], j) => {
        expect(Math.abs((nodes[j] as number) - node)).toBeLessThan(SHORT_VECTORS);
        expect(Math.abs((weights[j] as number) - weight)).toBeLessThan(SHORT_VECTORS);
      });
    }
  });

  it('has the moments vᵀv, vᵀHv and ‖Hv‖² of its start', async () => {
    const operator = operatorOf(matrix, dimension);
    const start = signs(0).map((x) => x / Math.sqrt(dimension));
    const { nodes, weights } = await quadrature(operator, start, { steps: 8, fresh: normals });
    const moment = (p: number) =>
      nodes.reduce((sum, x, i) => sum + (weights[i] as number) * x ** p, 0);
    const product = await operator.apply(start);
    expect(Math.abs(moment(0) - 1)).toBeLessThan(EXACT);
    expect(Math.abs(moment(1) - innerProduct(start, product))).toBeLessThan(EXACT);
    expect(Math.abs(moment(2) - innerProduct(product, product))).toBeLessThan(100 * EXACT);
  });

  it('makes PyHessian’s curve of them, of unit area', () => {
    const runs = known.density.runs.map((run) => ({
      nodes: run.map(([node]) => node),
      weights: run.map(([, weight]) => weight),
    }));
    const { grid, density, variance } = densityCurve(runs);
    const { curve } = known.density;
    expect(variance).toBeCloseTo(curve.variance, 12);
    curve.at.forEach((i, j) => {
      expect(Math.abs((grid[i] as number) - (curve.grid[j] as number))).toBeLessThan(1e-9);
      expect(Math.abs((density[i] as number) - (curve.density[j] as number))).toBeLessThan(1e-7);
    });
    const width = (grid[1] as number) - (grid[0] as number);
    expect(density.reduce((sum, value) => sum + value, 0) * width).toBeCloseTo(1, 9);
  });
});

describe('Hutch++', () => {
  it('is exact where its sketch spans everything', async () => {
    const { trace: found, standardError } = await hutchpp(operatorOf(matrix, dimension), {
      ...{ products: 3 * dimension, draw: signs },
    });
    expect(Math.abs(found - trace)).toBeLessThan(EXACT);
    expect(standardError).toBe(0);
  });

  it('is within three standard errors, and closer than Hutchinson at the same price', async () => {
    const products = 18;
    const operator = operatorOf(matrix, dimension);
    const errors = await Promise.all(
      Array.from({ length: 20 }, async (_, trial) => {
        const draw = (i: number) => rademacher(whole, { seed: 100 + trial, index: i });
        const found = await hutchpp(operatorOf(matrix, dimension), { products, draw });
        let plain = 0;
        for (let i = 0; i < products; i++) {
          const z = draw(i);
          plain += innerProduct(z, await operator.apply(z)) / products;
        }
        return { found, plain: plain - trace };
      }),
    );
    const outside = errors.filter(
      ({ found }) => Math.abs(found.trace - trace) > 3 * found.standardError,
    );
    // Of 20 estimates from 6 probes each (t with 5 degrees of freedom: 3 % outside).
    expect(outside.length).toBeLessThanOrEqual(2);
    const square = (all: readonly number[]) => all.reduce((sum, e) => sum + e * e, 0);
    expect(square(errors.map(({ found }) => found.trace - trace))).toBeLessThan(
      square(errors.map(({ plain }) => plain)) / 4,
    );
  });

  it('costs as many products as it was given', async () => {
    const operator = operatorOf(matrix, dimension);
    await hutchpp(operator, { products: 18, draw: signs });
    expect(operator.products).toBe(18);
  });
});

describe('random vectors', () => {
  const blocks = [
    { key: 'a', offset: 0, size: 30_000 },
    { key: 'b', offset: 30_000, size: 30_000 },
  ];

  it.each([
    ['signs', rademacher],
    ['normals', gaussian],
  ])('of %s have mean 0, variance 1 and no correlation', (_, draw) => {
    const x = draw(blocks, { seed: 7, index: 0 });
    const y = draw(blocks, { seed: 7, index: 1 });
    const n = x.length;
    // Four standard errors.
    const bound = 4 / Math.sqrt(n);
    expect(Math.abs(x.reduce((sum, v) => sum + v, 0) / n)).toBeLessThan(bound);
    expect(Math.abs(innerProduct(x, x) / n - 1)).toBeLessThan(Math.SQRT2 * bound);
    expect(Math.abs(innerProduct(x, y) / n)).toBeLessThan(bound);
    expect(Math.abs(innerProduct(x.subarray(0, n / 2), x.subarray(n / 2)) / n)).toBeLessThan(bound);
    expect(Math.abs(innerProduct(x.subarray(1), x.subarray(0, n - 1)) / n)).toBeLessThan(bound);
  });
});

describe('signs of blocks with similar keys', () => {
  it('do not agree from probe to probe', () => {
    const names = ['0.query.A', '0.query.B', '0.value.A', '0.value.B', '1.query.A', '1.query.B'];
    const blocks = names.map((key, i) => ({ key, offset: 16 * i, size: 16 }));
    const n = 16 * names.length;
    const probes = 1000;
    const sums = new Float64Array(n * n);
    for (let index = 0; index < probes; index++) {
      const z = rademacher(blocks, { seed: 1, index });
      for (let p = 0; p < n; p++)
        for (let q = 0; q < p; q++)
          sums[p * n + q] = (sums[p * n + q] as number) + (z[p] as number) * (z[q] as number);
    }
    // Standard normal each: 4,560 of them, five standard errors about the mean of 1.
    const pairs = (n * (n - 1)) / 2;
    const meanSquare = innerProduct(sums, sums) / probes / pairs;
    expect(Math.abs(meanSquare - 1)).toBeLessThan(5 * Math.sqrt(2 / pairs));
    expect(Math.max(...sums.map(Math.abs)) / Math.sqrt(probes)).toBeLessThan(5);
  });
});

describe('the step of differences', () => {
  /** Truncation h²·c and rounding ε/h along another direction. */
  const noisy = (c: number, rounding: number) => {
    const steps: number[] = [];
    const at = (h: number) => {
      steps.push(h);
      return Promise.resolve(
        Float64Array.of(1 + c * h * h, (rounding / h) * (-1) ** Math.round(Math.log2(h))),
      );
    };
    return { at, steps };
  };

  it('is 0.1 where half of it agrees', async () => {
    const { at, steps } = noisy(1e-3, 1e-6);
    const search = new StepSearch();
    await search.product(Float64Array.of(1, 0), at);
    await search.product(Float64Array.of(0, 1), at);
    await search.product(Float64Array.of(1, 1), at);
    // Checked at the first two products, not at the third.
    expect(steps).toEqual([0.1, 0.05, 0.1, 0.05, 0.1]);
  });

  it('shrinks while the difference falls, and then stays', async () => {
    const { at, steps } = noisy(40, 1e-7);
    const search = new StepSearch();
    const [value] = await search.product(Float64Array.of(1, 0), at);
    await search.product(Float64Array.of(0, 1), at);
    const checked = steps.length;
    await search.product(Float64Array.of(0, 1), at);
    expect(steps[checked]).toBeLessThan(0.02);
    expect(Math.abs((value as number) - 1)).toBeLessThan(40 * 0.02 ** 2);
    expect(steps.length).toBe(checked + 1);
    expect(search.notes()[0]).toContain('half of it changed');
  });

  it('grows where rounding is what the halves disagree by', async () => {
    const { at, steps } = noisy(1e-3, 1e-4);
    const search = new StepSearch();
    for (let i = 0; i < 3; i++) await search.product(Float64Array.of(1, 0), at);
    expect(steps.at(-1)).toBeGreaterThan(0.15);
  });

  it('makes 0 of the zero vector', async () => {
    const { at, steps } = noisy(1, 1);
    expect(await new StepSearch().product(new Float64Array(2), at)).toEqual(new Float64Array(2));
    expect(steps).toEqual([]);
  });
});
