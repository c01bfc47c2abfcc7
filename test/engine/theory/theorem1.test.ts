import { describe, expect, it } from 'vitest';
import {
  appliedGrams,
  densePerturbation,
  moduleGeometry as geometryOfGrams,
  moduleGrams,
  perturbations,
  radiusInW,
  type ModulePoint,
  type Perturbation,
  type PerturbationOptions,
} from '../../../src/engine/algebra/perturbation';
import { innerProduct, multiply, type Values } from '../../../src/engine/algebra/small-matrix';
import { balancedness, balancednessRate } from '../../../src/engine/theory/theorem1';

/**
 * Theorem 1 on a float64 least-squares problem, L = ½‖(W0 + sBA)X − Y‖²/N, trained by plain SGD:
 * the balancedness measured over a step must equal the rate computed inside it (algorithms, 8).
 */
const [n, m, r, N, s] = [7, 6, 3, 20, 2];
const IDENTITY_TOLERANCE = 1e-9;

let seed = 12345;
const uniform = () => (seed = (seed * 48271) % 2147483647) / 2147483647 - 0.5;
const random = (size: number, scale = 1) =>
  Float64Array.from({ length: size }, () => scale * uniform());
const transpose = (v: Values, rows: number, columns: number) =>
  Float64Array.from(
    { length: v.length },
    (_, i) => v[(i % rows) * columns + Math.floor(i / rows)] as number,
  );

const problem = { w0: random(n * m), x: random(m * N, 2), y: random(n * N, 2) };

/** g_A and g_B of the problem at (A, B). */
function pointAt(loraA: Float64Array, loraB: Float64Array): ModulePoint {
  const ba = multiply(loraB, loraA, { rows: n, inner: r, columns: m });
  const w = problem.w0.map((v, i) => v + s * (ba[i] as number));
  const residual = multiply(w, problem.x, { rows: n, inner: m, columns: N }).map(
    (v, i) => (v - (problem.y[i] as number)) / N,
  );
  const g = multiply(residual, transpose(problem.x, m, N), { rows: n, inner: N, columns: m });
  return {
    out: n,
    in: m,
    rank: r,
    scaling: s,
    loraA,
    loraB,
    gradB: multiply(g, transpose(loraA, r, m), { rows: n, inner: m, columns: r }).map((v) => s * v),
    gradA: multiply(transpose(loraB, n, r), g, { rows: r, inner: n, columns: m }).map((v) => s * v),
  };
}

const options: PerturbationOptions = {
  grad_estimator: 'paper_mean',
  radius_correction: 'none',
  rho_scope: 'per_layer',
  perturb_target: 'B',
  tau_a: 1e-6,
  tau_b: 1e-4,
};

const moduleGeometry = (point: ModulePoint) => geometryOfGrams(moduleGrams(point), options);

interface Outcome {
  identityError: number;
  tightViolations: number;
  sigmaMinViolations: number;
  paperViolatedFirst: boolean;
}

/** 400 SGD steps of FMLoRA or EFMLoRA with rate η and decoupled decay λ. */
function train(method: 'fmlora' | 'efmlora', eta: number, lambda: number): Outcome {
  let a = random(r * m);
  let b: Float64Array = new Float64Array(n * r);
  let average: Float64Array | undefined;
  const outcome = {
    identityError: 0,
    tightViolations: 0,
    sigmaMinViolations: 0,
    paperViolatedFirst: false,
  };
  for (let t = 1; t <= 400; t++) {
    const rho = 0.1 / Math.sqrt(t);
    const computeAt = (point: ModulePoint) => {
      const [p] = perturbations([moduleGeometry(point)], rho, options);
      return densePerturbation(point, p as Perturbation, 'B');
    };
    const e = method === 'fmlora' ? computeAt(pointAt(a, b)) : (average ?? b.map(() => 0));
    const perturbed = pointAt(
      a,
      b.map((v, i) => v + (e[i] as number)),
    );
    const geometry = moduleGeometry(perturbed);
    const applied = appliedGrams(e, perturbed, 'B');
    const rhoUse = radiusInW(applied.gram, geometry.kA, perturbed);
    const theorem = balancednessRate(geometry, applied, { rho, rhoUse, onB: true });

    const before = balancedness(moduleGrams(pointAt(a, b)));
    a = a.map((v, i) => (1 - eta * lambda) * v - eta * (perturbed.gradA[i] as number));
    b = b.map((v, i) => (1 - eta * lambda) * v - eta * (perturbed.gradB[i] as number));
    const squares =
      innerProduct(perturbed.gradB, perturbed.gradB) -
      innerProduct(perturbed.gradA, perturbed.gradA);
    const kept = 1 - eta * lambda;
    const measured =
      (balancedness(moduleGrams(pointAt(a, b))) - kept ** 2 * before - 0.5 * eta ** 2 * squares) /
      (eta * kept);
    outcome.identityError = Math.max(outcome.identityError, Math.abs(measured - theorem.rate));

    const slack = 1 + 1e-9;
    const size = Math.abs(theorem.rate);
    if (size > theorem.boundTight * slack) outcome.tightViolations += 1;
    if (size > theorem.boundSigmaMin * slack) outcome.sigmaMinViolations += 1;
    if (t === 1) outcome.paperViolatedFirst = size > theorem.boundPaper;
    if (method === 'efmlora') {
      const fresh = computeAt(perturbed);
      const beta = 0.1;
      average = average
        ? average.map((v, i) => (1 - beta) * v + beta * (fresh[i] as number))
        : fresh;
    }
  }
  return outcome;
}

describe.each([
  ['fmlora', 0.02, 0],
  ['fmlora', 0.02, 0.1],
  ['efmlora', 0.02, 0],
  ['efmlora', 0.02, 0.1],
] as const)('%s, eta %d, decay %d', (method, eta, lambda) => {
  const outcome = train(method, eta, lambda);
  it('moves the balancedness by exactly the computed rate', () => {
    expect(outcome.identityError).toBeLessThan(IDENTITY_TOLERANCE);
  });
  it('never exceeds the tight bound', () => expect(outcome.tightViolations).toBe(0));
  if (method === 'fmlora') {
    it('never exceeds the sigma_min bound', () => expect(outcome.sigmaMinViolations).toBe(0));
    it("exceeds the paper's bound at the first step, as rank > 1 predicts", () =>
      expect(outcome.paperViolatedFirst).toBe(true));
  }
});
