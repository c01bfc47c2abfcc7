import { describe, expect, it } from 'vitest';
import { appliedGrams, densePerturbation } from '../../../src/engine/algebra/applied-perturbation';
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
import { innerProduct } from '../../../src/engine/algebra/small-matrix';
import {
  balancedness,
  balancednessRate,
  pairBalancednessRate,
} from '../../../src/engine/theory/theorem1';
import { leastSquares, SHAPE, uniformSource } from '../../support/least-squares';

/**
 * Theorem 1 on a float64 least-squares problem, trained by plain SGD: the balancedness measured over
 * a step must equal the rate computed inside it (algorithms, 8).
 */
const { n, m, r } = SHAPE;
const IDENTITY_TOLERANCE = 1e-9;
const random = uniformSource(12345);
const pointAt = leastSquares(random);

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

type Trained = 'fmlora' | 'efmlora';

/** SGD steps of FMLoRA or EFMLoRA with ρ_t = ρ/√t, rate η and decoupled decay λ. */
function train(method: Trained, eta: number, lambda: number, steps = 400): Outcome {
  let a = random(r * m);
  let b: Float64Array = new Float64Array(n * r);
  let average: Float64Array | undefined;
  const outcome = {
    identityError: 0,
    tightViolations: 0,
    sigmaMinViolations: 0,
    paperViolatedFirst: false,
  };
  for (let t = 1; t <= steps; t++) {
    const rho = 0.1 / Math.sqrt(t);
    const computeAt = (point: ModulePoint) => {
      const [p] = perturbations([moduleGeometry(point)], rho, options);
      return densePerturbation(point, p as Perturbation, 'B');
    };
    const e = method === 'fmlora' ? computeAt(pointAt(a, b)) : (average ?? b.map(() => 0));
    const perturbed = pointAt(a, plus(b, e));
    const geometry = moduleGeometry(perturbed);
    const applied = appliedGrams(e, perturbed, 'B');
    const rhoUse = radiusInW(applied.gram, geometry.kA, perturbed);
    const theorem = balancednessRate(geometry, applied, { rho, rhoUse, onB: true });

    const next = descend(a, b, { ...perturbed, eta, lambda });
    outcome.identityError = Math.max(
      outcome.identityError,
      Math.abs(measuredRate({ a, b }, next, { ...perturbed, eta, lambda }) - theorem.rate),
    );
    ({ a, b } = next);

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

interface Descent {
  readonly gradA: ModulePoint['gradA'];
  readonly gradB: ModulePoint['gradB'];
  readonly eta: number;
  readonly lambda: number;
}

function descend(
  a: Float64Array,
  b: Float64Array,
  { gradA, gradB, eta, lambda }: Descent,
): { a: Float64Array; b: Float64Array } {
  const kept = 1 - eta * lambda;
  return {
    a: a.map((v, i) => kept * v - eta * (gradA[i] as number)),
    b: b.map((v, i) => kept * v - eta * (gradB[i] as number)),
  };
}

/** The rate that a step's change of 𝔅 amounts to, without the terms of second order and of decay. */
function measuredRate(
  before: { a: Float64Array; b: Float64Array },
  after: { a: Float64Array; b: Float64Array },
  { gradA, gradB, eta, lambda }: Descent,
): number {
  const kept = 1 - eta * lambda;
  const squares = innerProduct(gradB, gradB) - innerProduct(gradA, gradA);
  const change = balancednessOf(after) - kept ** 2 * balancednessOf(before);
  return (change - 0.5 * eta ** 2 * squares) / (eta * kept);
}

function balancednessOf({ a, b }: { a: Float64Array; b: Float64Array }): number {
  return balancedness(moduleGrams(pointAt(a, b)));
}

function plus(x: Float64Array, e: Float64Array): Float64Array {
  return x.map((v, i) => v + (e[i] as number));
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

describe.each([0, 0.1])('LoRA-SAM, decay %d', (lambda) => {
  it('moves the balancedness by exactly ⟨E_B, g̃_B⟩ − ⟨E_A, g̃_A⟩', () => {
    let a = random(r * m);
    let b: Float64Array = new Float64Array(n * r);
    let [worst, largest] = [0, 0];
    for (let t = 1; t <= 400; t++) {
      const { gradA, gradB } = pointAt(a, b);
      const size = Math.hypot(
        Math.sqrt(innerProduct(gradA, gradA)),
        Math.sqrt(innerProduct(gradB, gradB)),
      );
      const eA = Float64Array.from(gradA, (v) => (0.1 * v) / size);
      const eB = Float64Array.from(gradB, (v) => (0.1 * v) / size);
      const perturbed = pointAt(plus(a, eA), plus(b, eB));
      const descent = { ...perturbed, eta: 0.02, lambda };
      const next = descend(a, b, descent);
      const e = { onA: appliedGrams(eA, perturbed, 'A'), onB: appliedGrams(eB, perturbed, 'B') };
      const rate = pairBalancednessRate(e, r);
      worst = Math.max(worst, Math.abs(measuredRate({ a, b }, next, descent) - rate));
      largest = Math.max(largest, Math.abs(rate));
      ({ a, b } = next);
    }
    expect(worst).toBeLessThan(IDENTITY_TOLERANCE);
    expect(largest).toBeGreaterThan(1e-3);
  });
});

describe('over 2,000 steps', () => {
  it('FMLoRA never exceeds the sigma_min bound, nor the tight one', () => {
    const { sigmaMinViolations, tightViolations } = train('fmlora', 0.02, 0, 2000);
    expect({ sigmaMinViolations, tightViolations }).toEqual({
      sigmaMinViolations: 0,
      tightViolations: 0,
    });
  });
  it('EFMLoRA never exceeds the tight bound with the radius at use', () => {
    expect(train('efmlora', 0.02, 0, 2000).tightViolations).toBe(0);
  });
  it('EFMLoRA does exceed the sigma_min bound at times: it has the current ρ_t in it', () => {
    // Ê is an average over larger radii of steps before, used with a later A.
    const violations = Array.from({ length: 8 }, () => train('efmlora', 0.02, 0, 2000));
    expect(violations.every(({ tightViolations }) => tightViolations === 0)).toBe(true);
    expect(violations.some(({ sigmaMinViolations }) => sigmaMinViolations > 0)).toBe(true);
  });
});
