import type { Config } from '../../shared/config/schema';
import { literalPerturbation, type LiteralGrams } from './literal-sign';
import {
  addProduct,
  crossOfColumns,
  crossOfRows,
  gramOfRows,
  multiply,
  symmetricEigen,
  trace,
  traceOfProduct,
  transpose,
  truncatedPower,
  type SymmetricEigen,
  type Values,
} from './small-matrix';

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

/** Size and scale of an adapted module. */
export interface ModuleSize {
  /** n. */
  readonly out: number;
  /** m. */
  readonly in: number;
  /** r. */
  readonly rank: number;
  /** s. */
  readonly scaling: number;
}

/** A module's factors and raw gradients at one point, before clipping. */
export interface ModulePoint extends ModuleSize {
  /** A [r, m]. */
  readonly loraA: Values;
  /** B [n, r]; where the gradients were taken, so B̃ = B + Ê in EFMLoRA. */
  readonly loraB: Values;
  /** g_A = s Bᵀ G [r, m]. */
  readonly gradA: Values;
  /** g_B = s G Aᵀ [n, r]. */
  readonly gradB: Values;
  /** With `perturb_sign: literal`, |Ḡ|Aᵀ [n, r], or Bᵀ|Ḡ| [r, m]: what P multiplies, and not g. */
  readonly literal?: Values;
}

/** The products of a module's thin matrices that everything else follows from, all [r, r]. */
export interface ModuleGrams extends Pick<ModuleSize, 'rank' | 'scaling'> {
  /** K_A = A Aᵀ. */
  readonly kA: Float64Array;
  /** K_B = Bᵀ B. */
  readonly kB: Float64Array;
  /** C = Bᵀ g_B = g_A Aᵀ. */
  readonly c0: Float64Array;
  /** g_A g_Aᵀ. */
  readonly gradA: Float64Array;
  /** g_Bᵀ g_B. */
  readonly gradB: Float64Array;
}

export function moduleGrams(point: ModulePoint): ModuleGrams {
  const { loraA, loraB, gradA, gradB, rank, scaling, out, in: width } = point;
  return {
    rank,
    scaling,
    kA: gramOfRows(loraA, rank, width),
    kB: crossOfColumns(loraB, loraB, out, rank),
    c0: crossOfColumns(loraB, gradB, out, rank),
    gradA: gramOfRows(gradA, rank, width),
    gradB: crossOfColumns(gradB, gradB, out, rank),
  };
}

export type PerturbationOptions = Pick<
  Config['method'],
  'grad_estimator' | 'radius_correction' | 'rho_scope' | 'perturb_target' | 'tau_a' | 'tau_b'
>;

/** The r x r facts of one module that all estimators and metrics share. */
export interface ModuleGeometry extends ModuleGrams {
  readonly eigenA: SymmetricEigen;
  readonly eigenB: SymmetricEigen;
  /** K_A⁻¹, truncated at tau_a. */
  readonly kAInverse: Float64Array;
  /** K_B⁺, truncated at tau_b; 0 while B = 0. */
  readonly kBInverse: Float64Array;
  readonly a: number;
  readonly b: number;
  readonly c: number;
  /** With `perturb_sign: literal`. */
  readonly literal?: LiteralGrams;
}

/** B counts as 0 below this fraction of ‖A‖. */
const ZERO_B = 1e-8;

export function moduleGeometry(
  grams: ModuleGrams,
  { tau_a, tau_b }: Pick<PerturbationOptions, 'tau_a' | 'tau_b'>,
): ModuleGeometry {
  const { kA, kB, c0, rank } = grams;
  const eigenA = symmetricEigen(kA, rank);
  const eigenB = symmetricEigen(kB, rank);
  const isZero = trace(kB, rank) <= ZERO_B ** 2 * trace(kA, rank);
  // One eigen-decomposition each, no jittered Cholesky: it gives the condition numbers as well, and
  // a jitter of 1e-10 would itself be the largest error of the result.
  const kAInverse = truncatedPower(eigenA, tau_a, -1);
  const kBInverse = isZero ? new Float64Array(rank * rank) : truncatedPower(eigenB, tau_b, -1);
  const a = traceOfProduct(kAInverse, grams.gradB, rank);
  const b = traceOfProduct(kBInverse, grams.gradA, rank);
  // c = tr(K_A⁻¹ Cᵀ K_B⁺ C)
  const c = traceOfProduct(kAInverse, congruence(c0, kBInverse, rank), rank);
  return { ...grams, eigenA, eigenB, kAInverse, kBInverse, a, b, c };
}

/** Products of a perturbation Ê that was applied, at the point it led to; all [r, r]. */
export interface AppliedGrams {
  /** ÊᵀÊ, or ÊÊᵀ for target A. */
  readonly gram: Float64Array;
  /** Êᵀg̃_B, or Êg̃_Aᵀ. */
  readonly withGradient: Float64Array;
  /** ÊᵀB̃, or ÊÃᵀ. */
  readonly withFactor: Float64Array;
  /** With `perturb_sign: literal`, Ê with what P multiplies there in the place of g. */
  readonly withLiteral?: Float64Array;
}

export function appliedGrams(e: Values, point: ModulePoint, target: 'A' | 'B'): AppliedGrams {
  const { loraA, loraB, gradA, gradB, rank, out, in: width, literal } = point;
  const onB = target === 'B';
  const cross = (other: Values) =>
    onB ? crossOfColumns(e, other, out, rank) : crossOfRows(e, other, rank, width);
  return {
    gram: cross(e),
    withGradient: cross(onB ? gradB : gradA),
    withFactor: cross(onB ? loraB : loraA),
    ...(literal && { withLiteral: cross(literal) }),
  };
}

/** cos(Ê, E) of the perturbation that was applied and the one computed from where it led. */
export function alignment(
  { gram, withGradient, withFactor, withLiteral }: AppliedGrams,
  computed: Perturbation,
  rank: number,
  target: 'A' | 'B',
): number {
  const of = (m: Float64Array) => (target === 'B' ? m : transpose(m, rank));
  const inner =
    traceOfProduct(of(withLiteral ?? withGradient), computed.ofGradient, rank) +
    traceOfProduct(of(withFactor), computed.ofFactor, rank);
  return inner / (Math.sqrt(trace(gram, rank)) * computed.norm);
}

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

/** E_B [n, r], or E_A [r, m], of a module whose values are at hand. */
export function densePerturbation(
  point: ModulePoint,
  { ofGradient, ofFactor, degenerate }: Perturbation,
  target: 'A' | 'B',
): Float64Array {
  const { out, in: width, rank } = point;
  const onB = target === 'B';
  const size = onB
    ? { rows: out, inner: rank, columns: rank }
    : { rows: rank, inner: rank, columns: width };
  const e = new Float64Array(size.rows * size.columns);
  // Not 0 times gradients that may not be finite.
  if (degenerate) return e;
  if (onB) {
    addProduct(e, point.literal ?? point.gradB, ofGradient, size);
    addProduct(e, point.loraB, ofFactor, size);
  } else {
    addProduct(e, ofGradient, point.literal ?? point.gradA, size);
    addProduct(e, ofFactor, point.loraA, size);
  }
  return e;
}

/**
 * s‖E_B A‖ = s√tr(E_Bᵀ E_B K_A), or s‖B E_A‖ = s√tr(K_B E_A E_Aᵀ).
 * @param e    E_Bᵀ E_B or E_A E_Aᵀ
 * @param gram K_A or K_B
 */
export function radiusInW(
  e: Float64Array,
  gram: Float64Array,
  { rank, scaling }: Pick<ModuleSize, 'rank' | 'scaling'>,
): number {
  return scaling * Math.sqrt(Math.max(0, traceOfProduct(e, gram, rank)));
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

/** Mᵀ K M. */
function congruence(m: Float64Array, k: Float64Array, rank: number): Float64Array {
  const size = square(rank);
  return multiply(transpose(m, rank), multiply(k, m, size), size);
}

function square(rank: number): { rows: number; inner: number; columns: number } {
  return { rows: rank, inner: rank, columns: rank };
}
