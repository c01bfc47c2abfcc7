import type { Config } from '../../shared/config/schema';
import { literalPerturbation } from './literal-sign';
import type { ModuleGeometry, ModuleGrams } from './module-geometry';
import { congruence, multiply, square, trace, traceOfProduct, transpose } from './small-matrix';

/**
 * The perturbation of Eqs. 9-15 without any [n, m] matrix: everything is r x r, in float64, and what
 * comes out are two r x r matrices. Only `moduleGrams` and `densePerturbation` see [n, r] values, so
 * that a device may do their work.
 *
 * With G = ∂L/∂W, Eq. 10 is G P_A and Eq. 11 is P_B G, so Eq. 12 is Ḡ = ½(G P_A + P_B G). All that
 * is needed of them are K_A = A Aᵀ, K_B = Bᵀ B, C = Bᵀ g_B and
 *   a = s²‖G P_A‖², b = s²‖P_B G‖², c = s²‖P_B G P_A‖².
 * The sign of Eqs. 9 and 13, taken literally, is no ascent direction; SAM's solution at p = q = 2 is
 * Ḡ/‖Ḡ‖, and that is what is computed unless a point was measured for the literal one.
 */

export type PerturbationOptions = Pick<
  Config['method'],
  'grad_estimator' | 'radius_correction' | 'rho_scope' | 'perturb_target' | 'tau_a' | 'tau_b'
>;

/**
 * The perturbation of one module: E_B = g_B P + B Q, or E_A = P g_A + Q A for target A. With the
 * literal sign, |Ḡ|Aᵀ (Bᵀ|Ḡ|) is in the place of g.
 */
export interface Perturbation {
  /** P [r, r]. */
  readonly ofGradient: Float64Array;
  /** Q [r, r]. */
  readonly ofFactor: Float64Array;
  /** ‖E‖. */
  readonly norm: number;
  /** s‖E_B A‖ (or s‖B E_A‖): the radius that is really reached in W. */
  readonly rhoEff: number;
  /** First-order loss rise ⟨g_B, E_B⟩. */
  readonly gain: number;
  /** ‖Ḡ‖ of the estimator. */
  readonly gradientNorm: number;
  /** The norm was 0 or not finite, so there is no direction: E = 0. */
  readonly degenerate: boolean;
}

/**
 * Perturbations of all modules at one point.
 * @param rho radius ρ_t, for each module or, with `rho_scope: global`, for all together
 */
export function perturbations(
  geometries: readonly ModuleGeometry[],
  rho: number,
  options: PerturbationOptions,
): readonly Perturbation[] {
  const norms = geometries.map((g) => estimatorNorm(g, options.grad_estimator));
  const joint = Math.sqrt(norms.reduce((sum, n) => sum + n * n, 0));
  const raw = geometries.map((geometry, i) =>
    perturbModule(geometry, {
      rho,
      gradientNorm: norms[i] as number,
      normaliser: options.rho_scope === 'global' ? joint : (norms[i] as number),
      options,
    }),
  );
  return options.radius_correction === 'exact' ? correctRadius(raw, rho, options) : raw;
}

/** ‖Ḡ‖ in W by estimator: Q/(2s) for the mean of Eq. 12, Q/s for the others. */
function estimatorNorm(
  g: ModuleGeometry,
  estimator: PerturbationOptions['grad_estimator'],
): number {
  const s = g.scaling;
  switch (estimator) {
    case 'paper_mean':
      return Math.sqrt(Math.max(0, g.a + g.b + 2 * g.c)) / (2 * s);
    case 'A_only':
      return Math.sqrt(Math.max(0, g.a)) / s;
    case 'joint_minnorm':
      return Math.sqrt(Math.max(0, g.a + g.b - g.c)) / s;
  }
}

/**
 * ‖Ḡ P_A‖, or ‖P_B Ḡ‖ for target A: what is left of Ḡ in E_B A or B E_A. Not from the Gram of E,
 * which would square the condition number once more.
 */
function projectedNorm(
  { a, b, c, scaling }: ModuleGeometry,
  { grad_estimator, perturb_target }: PerturbationOptions,
): number {
  const own = perturb_target === 'B' ? a : b;
  const square = {
    paper_mean: (own + 3 * c) / 4,
    A_only: perturb_target === 'B' ? a : c,
    joint_minnorm: own,
  }[grad_estimator];
  return Math.sqrt(Math.max(0, square)) / scaling;
}

interface ModuleRequest {
  readonly rho: number;
  readonly gradientNorm: number;
  readonly normaliser: number;
  readonly options: PerturbationOptions;
}

function perturbModule(geometry: ModuleGeometry, request: ModuleRequest): Perturbation {
  const { rho, gradientNorm, normaliser, options } = request;
  const { rank, scaling } = geometry;
  const onB = options.perturb_target === 'B';
  if (!(normaliser > 0) || !Number.isFinite(normaliser)) {
    const zero = new Float64Array(rank * rank);
    const nothing = { ofGradient: zero, ofFactor: zero, norm: 0, rhoEff: 0, gain: 0 };
    return { ...nothing, gradientNorm, degenerate: rho > 0 };
  }
  // Eq. 15: E_B = (1/s) (ρ Ḡ/‖Ḡ‖) A⁺
  const scale = rho / (scaling * normaliser);
  if (geometry.literal) {
    const e = literalPerturbation(geometry, geometry.literal, { scale, onB });
    return { ...e, gradientNorm, degenerate: false };
  }
  const direction = onB
    ? gradientTimesPinvA(geometry, options.grad_estimator)
    : pinvBTimesGradient(geometry, options.grad_estimator);
  const ofGradient = direction.ofGradient.map((value) => value * scale);
  const ofFactor = direction.ofFactor.map((value) => value * scale);
  const e = perturbationGram(geometry, { ofGradient, ofFactor }, onB);
  return {
    ofGradient,
    ofFactor,
    norm: Math.sqrt(Math.max(0, trace(e, rank))),
    rhoEff: (rho / normaliser) * projectedNorm(geometry, options),
    // tr(P g_Bᵀ g_B) + tr(Cᵀ Q): ⟨g_B, B Q⟩ = tr(g_Bᵀ B Q), and ⟨g_A, Q A⟩ = tr(Q A g_Aᵀ) alike
    gain:
      traceOfProduct(ofGradient, onB ? geometry.gradB : geometry.gradA, rank) +
      traceOfProduct(ofFactor, transpose(geometry.c0, rank), rank),
    gradientNorm,
    degenerate: false,
  };
}

type Direction = Pick<Perturbation, 'ofGradient' | 'ofFactor'>;

/** Ḡ A⁺: (1/2s)(g_B + B K_B⁺ C) K_A⁻¹ for the mean, (1/s) g_B K_A⁻¹ for the others. */
function gradientTimesPinvA(
  { rank, scaling, kAInverse, kBInverse, c0 }: ModuleGeometry,
  estimator: PerturbationOptions['grad_estimator'],
): Direction {
  if (estimator !== 'paper_mean')
    return {
      ofGradient: kAInverse.map((value) => value / scaling),
      ofFactor: new Float64Array(rank * rank),
    };
  const size = square(rank);
  const inner = multiply(multiply(kBInverse, c0, size), kAInverse, size);
  return {
    ofGradient: kAInverse.map((value) => value / (2 * scaling)),
    ofFactor: inner.map((value) => value / (2 * scaling)),
  };
}

/** B⁺ Ḡ: K_B⁺ times (g_A + C K_A⁻¹ A)/2s, C K_A⁻¹ A/s (A_only) or g_A/s (joint). */
function pinvBTimesGradient(
  { rank, scaling, kAInverse, kBInverse, c0 }: ModuleGeometry,
  estimator: PerturbationOptions['grad_estimator'],
): Direction {
  const [gradient, factor] = {
    paper_mean: [0.5, 0.5] as const,
    A_only: [0, 1] as const,
    joint_minnorm: [1, 0] as const,
  }[estimator];
  const size = square(rank);
  const inner = multiply(kBInverse, multiply(c0, kAInverse, size), size);
  return {
    ofGradient: kBInverse.map((value) => (gradient * value) / scaling),
    ofFactor: inner.map((value) => (factor * value) / scaling),
  };
}

/** E_Bᵀ E_B, or E_A E_Aᵀ, of E = g P + F Q from the Grams of g and F. */
function perturbationGram(
  g: ModuleGrams,
  { ofGradient, ofFactor }: Direction,
  onB: boolean,
): Float64Array {
  const { rank } = g;
  // As E_A = P g_A + Q A is E_Aᵀ = g_Aᵀ Pᵀ + Aᵀ Qᵀ, and A g_Aᵀ = Cᵀ.
  const [p, q, c] = onB
    ? [ofGradient, ofFactor, g.c0]
    : [transpose(ofGradient, rank), transpose(ofFactor, rank), transpose(g.c0, rank)];
  const size = square(rank);
  const sum = congruence(p, onB ? g.gradB : g.gradA, rank);
  // Qᵀ (Fᵀg) P and its transpose
  const mixed = multiply(transpose(q, rank), multiply(c, p, size), size);
  const factor = congruence(q, onB ? g.kB : g.kA, rank);
  const back = transpose(mixed, rank);
  return sum.map(
    (value, i) => value + (mixed[i] as number) + (back[i] as number) + (factor[i] as number),
  );
}

/** Rescales so that the radius in W is ρ: of each module, or of all together. */
function correctRadius(
  raw: readonly Perturbation[],
  rho: number,
  { rho_scope }: PerturbationOptions,
): readonly Perturbation[] {
  const joint = Math.hypot(...raw.map((p) => p.rhoEff));
  return raw.map((p) => {
    const reached = rho_scope === 'global' ? joint : p.rhoEff;
    if (p.degenerate || !(reached > 0)) return p;
    const factor = rho / reached;
    return {
      ...p,
      ofGradient: p.ofGradient.map((value) => value * factor),
      ofFactor: p.ofFactor.map((value) => value * factor),
      norm: p.norm * factor,
      rhoEff: p.rhoEff * factor,
      gain: p.gain * factor,
    };
  });
}
