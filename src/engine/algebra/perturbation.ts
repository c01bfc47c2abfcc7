import type { Config } from '../../shared/config/schema';
import { float32Grams, float32Suffices } from './float32-grams';
import { literalDirection } from './literal-sign';
import {
  conditionNumber,
  crossOfColumns,
  gramOfRows,
  innerProduct,
  multiply,
  norm,
  symmetricEigen,
  traceOfProduct,
  truncatedPower,
  type SymmetricEigen,
  type Values,
} from './small-matrix';

/**
 * The perturbation of Eqs. 9-15 without any [n, m] matrix: everything is r x r, in float64.
 *
 * With G = ∂L/∂W, Eq. 10 is G P_A and Eq. 11 is P_B G, so Eq. 12 is Ḡ = ½(G P_A + P_B G). All that
 * is needed of them are K_A = A Aᵀ, K_B = Bᵀ B, C = Bᵀ g_B and
 *   a = s²‖G P_A‖², b = s²‖P_B G‖², c = s²‖P_B G P_A‖².
 * The sign of Eqs. 9 and 13, taken literally, is no ascent direction; SAM's solution at p = q = 2 is
 * Ḡ/‖Ḡ‖, and that is what is computed unless `perturb_sign: literal` asks for the other.
 */

/** A module's factors and raw gradients at one point, before clipping. */
export interface ModulePoint {
  /** n. */
  readonly out: number;
  /** m. */
  readonly in: number;
  /** r. */
  readonly rank: number;
  /** s. */
  readonly scaling: number;
  /** A [r, m]. */
  readonly loraA: Values;
  /** B [n, r]; where the gradients were taken, so B̃ = B + Ê in EFMLoRA. */
  readonly loraB: Values;
  /** g_A = s Bᵀ G [r, m]. */
  readonly gradA: Values;
  /** g_B = s G Aᵀ [n, r]. */
  readonly gradB: Values;
}

export type PerturbationOptions = Pick<
  Config['method'],
  'grad_estimator' | 'radius_correction' | 'rho_scope' | 'perturb_target' | 'tau_a' | 'tau_b'
> &
  Partial<Pick<Config['method'], 'perturb_sign' | 'gram_dtype'>>;

/** The r x r facts of one module that all estimators and metrics share. */
export interface ModuleGeometry {
  readonly point: ModulePoint;
  readonly kA: Float64Array;
  readonly kB: Float64Array;
  readonly eigenA: SymmetricEigen;
  readonly eigenB: SymmetricEigen;
  /** K_A⁻¹, truncated at tau_a. */
  readonly kAInverse: Float64Array;
  /** K_B⁺, truncated at tau_b; 0 while B = 0. */
  readonly kBInverse: Float64Array;
  /** C = Bᵀ g_B = g_A Aᵀ [r, r]. */
  readonly c0: Float64Array;
  readonly a: number;
  readonly b: number;
  readonly c: number;
}

/** B counts as 0 below this fraction of ‖A‖. */
const ZERO_B = 1e-8;

export function moduleGeometry(
  point: ModulePoint,
  options: Pick<PerturbationOptions, 'tau_a' | 'tau_b' | 'gram_dtype'>,
): ModuleGeometry {
  const { tau_a, tau_b, gram_dtype } = options;
  const { loraA, loraB, gradA, gradB, rank, out, in: width } = point;
  const single = gram_dtype === 'float32' ? float32Grams(point) : undefined;
  const kA = single?.kA ?? gramOfRows(loraA, rank, width);
  const kB = single?.kB ?? crossOfColumns(loraB, loraB, out, rank);
  const eigenA = symmetricEigen(kA, rank);
  const eigenB = symmetricEigen(kB, rank);
  if (single && !float32Suffices({ a: conditionNumber(eigenA), b: conditionNumber(eigenB) }))
    return moduleGeometry(point, { tau_a, tau_b });
  const isZero = norm(loraB) <= ZERO_B * norm(loraA);
  // One eigen-decomposition each, no jittered Cholesky: it gives the condition numbers as well, and
  // a jitter of 1e-10 would itself be the largest error of the result.
  const kAInverse = truncatedPower(eigenA, tau_a, -1);
  const kBInverse = isZero ? new Float64Array(rank * rank) : truncatedPower(eigenB, tau_b, -1);
  const c0 = single?.c0 ?? crossOfColumns(loraB, gradB, out, rank);
  const square = { rows: rank, inner: rank, columns: rank };
  const a = traceOfProduct(kAInverse, crossOfColumns(gradB, gradB, out, rank), rank);
  const b = traceOfProduct(kBInverse, gramOfRows(gradA, rank, width), rank);
  // c = tr(K_A⁻¹ Cᵀ K_B⁺ C)
  const kBc = multiply(kBInverse, c0, square);
  const cT = transpose(c0, rank);
  const c = traceOfProduct(kAInverse, multiply(cT, kBc, square), rank);
  return { point, kA, kB, eigenA, eigenB, kAInverse, kBInverse, c0, a, b, c };
}

/** The perturbation of one module. */
export interface Perturbation {
  /** E_B [n, r], or E_A [r, m] for target A; zeros where `degenerate`. */
  readonly e: Float64Array;
  /** s‖E_B A‖ (or s‖B E_A‖): the radius that is really reached in W. */
  readonly rhoEff: number;
  /** First-order loss rise ⟨g_B, E_B⟩. */
  readonly gain: number;
  /** ‖Ḡ‖ of the estimator. */
  readonly gradientNorm: number;
  /** The norm was 0 or not finite, so there is no direction. */
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
  const s = g.point.scaling;
  switch (estimator) {
    case 'paper_mean':
      return Math.sqrt(Math.max(0, g.a + g.b + 2 * g.c)) / (2 * s);
    case 'A_only':
      return Math.sqrt(Math.max(0, g.a)) / s;
    case 'joint_minnorm':
      return Math.sqrt(Math.max(0, g.a + g.b - g.c)) / s;
  }
}

interface ModuleRequest {
  readonly rho: number;
  readonly gradientNorm: number;
  readonly normaliser: number;
  readonly options: PerturbationOptions;
}

function perturbModule(geometry: ModuleGeometry, request: ModuleRequest): Perturbation {
  const { rho, gradientNorm, normaliser, options } = request;
  const { point } = geometry;
  const onB = options.perturb_target === 'B';
  const size = onB ? point.out * point.rank : point.rank * point.in;
  if (!(normaliser > 0) || !Number.isFinite(normaliser))
    return { e: new Float64Array(size), rhoEff: 0, gain: 0, gradientNorm, degenerate: rho > 0 };
  const along = onB ? gradientTimesPinvA : pinvBTimesGradient;
  const direction =
    options.perturb_sign === 'literal'
      ? literalDirection(geometry, options.grad_estimator, onB)
      : along(geometry, options.grad_estimator);
  // Eq. 15: E_B = (1/s) (ρ Ḡ/‖Ḡ‖) A⁺
  const scale = rho / (point.scaling * normaliser);
  const e = direction.map((value) => value * scale);
  const gram = onB ? geometry.kA : geometry.kB;
  return {
    e,
    rhoEff: radiusInW(e, gram, point, onB),
    gain: innerProduct(onB ? point.gradB : point.gradA, e),
    gradientNorm,
    degenerate: false,
  };
}

/** Ḡ A⁺ [n, r]: (1/2s)(g_B + B K_B⁺ C) K_A⁻¹ for the mean, (1/s) g_B K_A⁻¹ for the others. */
function gradientTimesPinvA(
  { point, kAInverse, kBInverse, c0 }: ModuleGeometry,
  estimator: PerturbationOptions['grad_estimator'],
): Float64Array {
  const { out, rank, scaling } = point;
  const square = { rows: rank, inner: rank, columns: rank };
  const tall = { rows: out, inner: rank, columns: rank };
  const fromA = multiply(point.gradB, kAInverse, tall);
  if (estimator !== 'paper_mean') return fromA.map((value) => value / scaling);
  const inner = multiply(multiply(kBInverse, c0, square), kAInverse, square);
  const fromB = multiply(point.loraB, inner, tall);
  return fromA.map((value, i) => (value + (fromB[i] as number)) / (2 * scaling));
}

/** B⁺ Ḡ [r, m]: K_B⁺ times (g_A + C K_A⁻¹ A)/2s, C K_A⁻¹ A/s (A_only) or g_A/s (joint). */
function pinvBTimesGradient(
  { point, kAInverse, kBInverse, c0 }: ModuleGeometry,
  estimator: PerturbationOptions['grad_estimator'],
): Float64Array {
  const { rank, scaling, in: width } = point;
  const square = { rows: rank, inner: rank, columns: rank };
  const wide = { rows: rank, inner: rank, columns: width };
  const projected = multiply(multiply(c0, kAInverse, square), point.loraA, wide);
  const sum = {
    paper_mean: () => projected.map((v, i) => (v + (point.gradA[i] as number)) / (2 * scaling)),
    A_only: () => projected.map((v) => v / scaling),
    joint_minnorm: () => Float64Array.from(point.gradA, (v) => v / scaling),
  }[estimator]();
  return multiply(kBInverse, sum, wide);
}

/** s‖E_B A‖ = s√tr(E_Bᵀ E_B K_A), or s‖B E_A‖ = s√tr(K_B E_A E_Aᵀ). */
export function radiusInW(
  e: Values,
  gram: Float64Array,
  point: Pick<ModulePoint, 'out' | 'in' | 'rank' | 'scaling'>,
  onB: boolean,
): number {
  const { rank } = point;
  const eGram = onB ? crossOfColumns(e, e, point.out, rank) : gramOfRows(e, rank, point.in);
  return point.scaling * Math.sqrt(Math.max(0, traceOfProduct(eGram, gram, rank)));
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
      e: p.e.map((value) => value * factor),
      rhoEff: p.rhoEff * factor,
      gain: p.gain * factor,
    };
  });
}

function transpose(m: Float64Array, size: number): Float64Array {
  return m.map((_, i) => m[(i % size) * size + Math.floor(i / size)] as number);
}
