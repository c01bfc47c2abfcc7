import { totalmem } from 'node:os';
import { UserError } from '../../shared/errors';
import { innerProduct, norm, symmetricEigen } from '../algebra/small-matrix';
import { addTo, orthogonalise, type Operator } from './operator';

export interface LanczosOptions {
  /** Most products. */
  readonly steps: number;
  /** Another start, for when the last one's Krylov space is exhausted. */
  readonly fresh: (restart: number) => Float64Array;
  /** Asked after each step; true ends the iteration. */
  readonly enough?: (state: Tridiagonal) => boolean;
}

/** T of V T Vᵀ. */
export interface Tridiagonal {
  /** Diagonal [k]. */
  readonly alphas: readonly number[];
  /** Below the diagonal [k]; the last is the norm of what is left of the last product. */
  readonly betas: readonly number[];
}

export interface Lanczos extends Tridiagonal {
  /** V: k orthonormal vectors [dimension]. */
  readonly basis: readonly Float64Array[];
}

/** What is left of a product below this fraction of the largest entry of T is rounding. */
const EXHAUSTED = 1e-12;

/**
 * Lanczos' iteration in float64. Every vector is orthogonalised against all before it, twice; β is the
 * norm before that, as in PyHessian.
 */
export async function lanczos(
  operator: Operator,
  start: Float64Array,
  { steps, fresh, enough = () => false }: LanczosOptions,
): Promise<Lanczos> {
  const { dimension } = operator;
  const most = Math.min(steps, dimension);
  refuseTooLarge(dimension, most);
  const [alphas, betas, basis]: [number[], number[], Float64Array[]] = [[], [], []];
  let restarts = 0;
  let w: Float64Array = Float64Array.from(start);
  for (let j = 0; j < most; j++) {
    const v = unit(w);
    basis.push(v);
    w = await operator.apply(v);
    const alpha = innerProduct(w, v);
    alphas.push(alpha);
    addTo(w, -alpha, v);
    const before = basis[j - 1];
    if (before) addTo(w, -(betas[j - 1] as number), before);
    const beta = norm(w);
    betas.push(beta);
    if (!Number.isFinite(beta) || enough({ alphas, betas }) || j === most - 1) break;
    orthogonalise(w, basis);
    const scale = Math.max(...alphas.map(Math.abs), ...betas);
    if (norm(w) > EXHAUSTED * scale) continue;
    betas[j] = 0;
    w = fresh(++restarts);
    orthogonalise(w, basis);
  }
  // All of the space: nothing is left but rounding.
  if (alphas.length === dimension) betas[dimension - 1] = 0;
  return { alphas, betas, basis };
}

export interface Ritz {
  /** Ascending [k]. */
  readonly values: readonly number[];
  /** Of the eigenvectors of T, by value [k]. */
  readonly first: readonly number[];
  /** |β s_last| of each. */
  readonly residuals: readonly number[];
  /** Row-major [k, k]; column j belongs to value j. */
  readonly vectors: Float64Array;
}

/** Eigenvalues of T: those of the operator, as far as its Krylov space knows them. */
export function ritz({ alphas, betas }: Tridiagonal): Ritz {
  const k = alphas.length;
  const t = new Float64Array(k * k);
  for (let i = 0; i < k; i++) {
    t[i * k + i] = alphas[i] as number;
    if (i + 1 < k) t[i * k + i + 1] = t[(i + 1) * k + i] = betas[i] as number;
  }
  const { values, vectors } = symmetricEigen(t, k);
  const row = (i: number) => Array.from({ length: k }, (_, j) => vectors[i * k + j] as number);
  const last = betas[k - 1] as number;
  return {
    ...{ values, vectors },
    first: row(0),
    residuals: row(k - 1).map((s) => Math.abs(last * s)),
  };
}

/** The operator's vector of the j-th Ritz value [dimension], of norm 1. */
export function ritzVector(
  basis: readonly Float64Array[],
  { vectors }: Ritz,
  j: number,
): Float64Array {
  const k = basis.length;
  const y = new Float64Array(basis[0]?.length ?? 0);
  basis.forEach((v, i) => addTo(y, vectors[i * k + j] as number, v));
  return unit(y);
}

function unit(w: Float64Array): Float64Array {
  const size = norm(w);
  return w.map((value) => value / size);
}

/** The basis lies in the host's memory. */
function refuseTooLarge(dimension: number, steps: number): void {
  const bytes = 8 * dimension * steps;
  if (bytes < 0.8 * totalmem()) return;
  throw new UserError({
    code: 'measure-too-large',
    message: `Lanczos’ iteration keeps all of its vectors: ${steps} of ${dimension} numbers`,
    found: `${(bytes / 2 ** 30).toFixed(1)} GiB`,
    remedy: 'Take fewer steps, single modules, or the space `row`.',
  });
}
