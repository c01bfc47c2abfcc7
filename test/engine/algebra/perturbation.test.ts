import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { literalDirection, literalGrams } from '../../../src/engine/algebra/literal-sign';
import {
  alignment,
  appliedGrams,
  densePerturbation,
} from '../../../src/engine/algebra/applied-perturbation';
import {
  perturbations,
  type Perturbation,
  type PerturbationOptions,
} from '../../../src/engine/algebra/perturbation';
import {
  moduleGeometry as geometryOfGrams,
  moduleGrams,
  radiusInW,
  type ModulePoint,
} from '../../../src/engine/algebra/module-geometry';
import {
  crossOfColumns,
  innerProduct,
  multiply,
  norm,
} from '../../../src/engine/algebra/small-matrix';

/**
 * E_B of the r x r formulas against the naive pseudo-inverse on n x m matrices, both float64, made
 * by test/reference/perturbation_cases.py. A Gram squares the condition number, hence the second.
 */
const TOLERANCE = 1e-10;

interface Expected {
  E_B?: number[][];
  E_A?: number[][];
  gbar_norm: number;
  rho_eff: number;
  gain: number;
}
interface Case {
  name: string;
  s: number;
  A: number[][];
  B: number[][];
  gA: number[][];
  gB: number[][];
  tangent_norm: number;
  expected: Record<string, Expected>;
}
interface Fixture {
  rho: number;
  tau_a: number;
  tau_b: number;
  cases: Case[];
  global: {
    modules: Case[];
    expected: Record<string, { modules: { E_B: number[][]; rho_eff: number }[] }>;
  };
}

const fixture = JSON.parse(
  readFileSync('test/reference/fixtures/perturbation.json', 'utf8'),
) as Fixture;

const flat = (matrix: number[][]): Float64Array => Float64Array.from(matrix.flat());

function pointOf(c: Pick<Case, 's' | 'A' | 'B' | 'gA' | 'gB'>): ModulePoint {
  return {
    out: c.B.length,
    in: (c.A[0] as number[]).length,
    rank: c.A.length,
    scaling: c.s,
    loraA: flat(c.A),
    loraB: flat(c.B),
    gradA: flat(c.gA),
    gradB: flat(c.gB),
  };
}

const defaults: PerturbationOptions = {
  grad_estimator: 'paper_mean',
  radius_correction: 'none',
  rho_scope: 'per_layer',
  perturb_target: 'B',
  tau_a: fixture.tau_a,
  tau_b: fixture.tau_b,
};

function relative(actual: Float64Array, expected: Float64Array): number {
  return norm(actual.map((v, i) => v - (expected[i] as number))) / (norm(expected) || 1);
}

const moduleGeometry = (point: ModulePoint, options: PerturbationOptions) =>
  geometryOfGrams(moduleGrams(point), options);

const one = (point: ModulePoint, options: PerturbationOptions, rho = fixture.rho) => {
  const [p] = perturbations([moduleGeometry(point, options)], rho, options);
  if (!p) throw new Error('no perturbation');
  return { ...p, e: densePerturbation(point, p, options.perturb_target) };
};

describe.each(fixture.cases.map((c) => [c.name, c] as const))('case %s', (_name, c) => {
  const point = pointOf(c);
  it.each(['paper_mean', 'A_only', 'joint_minnorm'] as const)(
    '%s equals the naive pseudo-inverse',
    (grad_estimator) => {
      const p = one(point, { ...defaults, grad_estimator });
      const expected = c.expected[grad_estimator] as Expected;
      expect(relative(p.e, flat(expected.E_B as number[][]))).toBeLessThan(TOLERANCE);
      expect(Math.abs(p.rhoEff / expected.rho_eff - 1)).toBeLessThan(TOLERANCE);
      expect(Math.abs(p.gain / expected.gain - 1)).toBeLessThan(TOLERANCE);
      expect(Math.abs(p.norm / norm(p.e) - 1)).toBeLessThan(TOLERANCE);
      expect(Math.abs(p.gradientNorm / expected.gbar_norm - 1)).toBeLessThan(TOLERANCE);
    },
  );

  it('target A equals the naive pseudo-inverse', () => {
    const p = one(point, { ...defaults, perturb_target: 'A' });
    const expected = c.expected['paper_mean_target_A'] as Expected;
    expect(relative(p.e, flat(expected.E_A as number[][]))).toBeLessThan(TOLERANCE);
    expect(Math.abs(p.rhoEff - expected.rho_eff)).toBeLessThan(TOLERANCE);
    expect(Math.abs(p.gain - innerProduct(point.gradA, p.e))).toBeLessThan(TOLERANCE);
    expect(Math.abs(p.norm / (norm(p.e) || 1) - (norm(p.e) > 0 ? 1 : 0))).toBeLessThan(TOLERANCE);
  });

  it('reports the radius that the dense E reaches', () => {
    const p = one(point, defaults);
    const size = { rows: point.out, inner: point.rank, columns: point.in };
    const reached = point.scaling * norm(multiply(p.e, point.loraA, size));
    expect(Math.abs(p.rhoEff / reached - 1)).toBeLessThan(TOLERANCE);
  });

  it.each(['A', 'B'] as const)(
    'literal sign, target %s: says of the dense E what it is',
    (target) => {
      const options = { ...defaults, perturb_target: target };
      const geometry = moduleGeometry(point, options);
      const literal = literalDirection(point, geometry, { estimator: 'paper_mean', target });
      const there = { ...point, literal };
      const grams = literalGrams(literal, point, target);
      const [p] = perturbations([{ ...geometry, literal: grams }], fixture.rho, options);
      const e = densePerturbation(there, p as Perturbation, target);
      const onB = target === 'B';
      const size = { rows: point.out, inner: point.rank, columns: point.in };
      const inW = onB ? multiply(e, point.loraA, size) : multiply(point.loraB, e, size);
      const g = onB ? point.gradB : point.gradA;
      const error = (value: number | undefined, expected: number, scale = expected) =>
        Math.abs((value ?? NaN) - expected) / (scale || 1);
      expect(error(p?.norm, norm(e))).toBeLessThan(TOLERANCE);
      expect(error(p?.rhoEff, point.scaling * norm(inW))).toBeLessThan(TOLERANCE);
      // The direction has no sign of its own, so the terms of the gain cancel.
      expect(error(p?.gain, innerProduct(g, e), norm(g) * norm(e))).toBeLessThan(TOLERANCE);
      if (!(norm(e) > 0)) return;
      const applied = appliedGrams(e, there, target);
      expect(alignment(applied, p as Perturbation, point.rank, target)).toBeCloseTo(1, 10);
    },
  );

  it('has the tangent gradient norm of the true gradient', () => {
    const { a, b, c: mixed } = moduleGeometry(point, defaults);
    expect(Math.abs(Math.sqrt(a + b - mixed) / c.s / c.tangent_norm - 1)).toBeLessThan(TOLERANCE);
  });

  it('A_only reaches the whole radius, and no random E on the ball gains more', () => {
    const options = { ...defaults, grad_estimator: 'A_only' } as const;
    const p = one(point, options);
    expect(Math.abs(p.rhoEff / fixture.rho - 1)).toBeLessThan(TOLERANCE);
    const geometry = moduleGeometry(point, options);
    let seed = 7;
    const random = () => (seed = (seed * 16807) % 2147483647) / 2147483647 - 0.5;
    for (let trial = 0; trial < 50; trial++) {
      const e = p.e.map(random);
      const gram = crossOfColumns(e, e, point.out, point.rank);
      const scale = fixture.rho / radiusInW(gram, geometry.kA, point);
      expect(innerProduct(point.gradB, e) * scale).toBeLessThanOrEqual(p.gain * (1 + 1e-12));
    }
  });

  it('radius_correction exact reaches the whole radius', () => {
    const p = one(point, { ...defaults, radius_correction: 'exact' });
    expect(Math.abs(p.rhoEff / fixture.rho - 1)).toBeLessThan(TOLERANCE);
  });

  it('C = g_A Aᵀ = Bᵀ g_B', () => {
    const { c0 } = moduleGeometry(point, defaults);
    const { rank, in: width } = point;
    const aT = Float64Array.from({ length: width * rank }, (_, i) => {
      const [k, p] = [Math.floor(i / rank), i % rank];
      return point.loraA[p * width + k] as number;
    });
    const other = multiply(point.gradA, aT, { rows: rank, inner: width, columns: rank });
    const scale = norm(point.gradB) * Math.max(norm(point.loraB), 1);
    expect(norm(other.map((v, i) => v - (c0[i] as number))) / scale).toBeLessThan(1e-12);
  });
});

describe('rho_scope global', () => {
  it.each(['paper_mean', 'A_only', 'joint_minnorm'] as const)(
    '%s shares one radius as the naive pseudo-inverse does',
    (grad_estimator) => {
      const options = { ...defaults, grad_estimator, rho_scope: 'global' } as const;
      const geometries = fixture.global.modules.map((m) => moduleGeometry(pointOf(m), options));
      const results = perturbations(geometries, fixture.rho, options);
      const dense = (i: number) =>
        densePerturbation(
          pointOf(fixture.global.modules[i] as Case),
          results[i] as Perturbation,
          'B',
        );
      const expected = fixture.global.expected[grad_estimator]?.modules ?? [];
      expect(results).toHaveLength(expected.length);
      results.forEach((p, i) => {
        const { E_B, rho_eff } = expected[i] as (typeof expected)[number];
        expect(relative(dense(i), flat(E_B))).toBeLessThan(TOLERANCE);
        expect(Math.abs(p.rhoEff / rho_eff - 1)).toBeLessThan(TOLERANCE);
      });
    },
  );
});

describe('B = 0', () => {
  const c = fixture.cases.find(({ name }) => name === 'b-zero') as Case;
  it('makes paper_mean and A_only equal, without NaN', () => {
    const mean = one(pointOf(c), defaults);
    const aOnly = one(pointOf(c), { ...defaults, grad_estimator: 'A_only' });
    expect(relative(mean.e, aOnly.e)).toBeLessThan(1e-14);
    expect(mean.e.every(Number.isFinite)).toBe(true);
  });
});

describe('gauge (B, A) -> (B R⁻¹, R A)', () => {
  // s E_B A must not move; the raw E_B does.
  it.each(['paper_mean', 'A_only', 'joint_minnorm'] as const)('%s is invariant', (estimator) => {
    const point = pointOf(fixture.cases[0] as Case);
    const { rank, out, in: width } = point;
    const shear = (t: number) =>
      Float64Array.from({ length: rank * rank }, (_, i) =>
        i % (rank + 1) === 0 ? 1 : i === 1 ? t : 0,
      );
    const [r, rInverse] = [shear(0.7), shear(-0.7)];
    const transpose = (m: Float64Array) =>
      m.map((_, i) => m[(i % rank) * rank + Math.floor(i / rank)] as number);
    const left = (m: Float64Array, a: ModulePoint['loraA']) =>
      multiply(m, a, { rows: rank, inner: rank, columns: width });
    const right = (b: ModulePoint['loraB'], m: Float64Array) =>
      multiply(b, m, { rows: out, inner: rank, columns: rank });
    const moved: ModulePoint = {
      ...point,
      loraA: left(r, point.loraA),
      loraB: right(point.loraB, rInverse),
      gradA: left(transpose(rInverse), point.gradA),
      gradB: right(point.gradB, transpose(r)),
    };
    const inW = (p: ModulePoint) =>
      multiply(one(p, { ...defaults, grad_estimator: estimator }).e, p.loraA, {
        rows: out,
        inner: rank,
        columns: width,
      });
    expect(relative(inW(moved), inW(point))).toBeLessThan(TOLERANCE);
    const e = (p: ModulePoint) => one(p, { ...defaults, grad_estimator: estimator }).e;
    expect(relative(e(moved), e(point))).toBeGreaterThan(0.01);
  });
});

describe('no direction', () => {
  it('is counted and gives zeros, for a zero and for a non-finite gradient', () => {
    const point = pointOf(fixture.cases[0] as Case);
    for (const value of [0, NaN, Infinity]) {
      const p = one(
        { ...point, gradA: point.gradA.map(() => value), gradB: point.gradB.map(() => value) },
        defaults,
      );
      expect(p.degenerate).toBe(true);
      expect(p.e.every((v) => v === 0)).toBe(true);
    }
  });
});
