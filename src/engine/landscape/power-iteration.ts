import { innerProduct, norm } from '../algebra/small-matrix';
import { createHessianOperator } from './hessian-operator';
import type { LandscapeMeasure } from './measure';
import { addTo, type Operator } from './operator';
import { gaussian } from './random-vectors';

export interface PowerOptions {
  readonly count: number;
  /** Most products for one eigenvalue. */
  readonly steps: number;
  /** Relative change of λ at which to stop. */
  readonly tolerance: number;
  /** A random start [dimension] for the `index`-th. */
  readonly start: (index: number) => Float64Array;
}

export interface PowerResult {
  /** In the order in which they were found: by |λ|, descending. */
  readonly values: number[];
  readonly residuals: number[];
  readonly iterations: number;
  readonly converged: boolean;
}

/** Keeps PyHessian's divisions from 0. */
const GUARD = 1e-6;

/**
 * The eigenvalues of largest |λ| with their signs, exactly as PyHessian iterates: v ← Hv/(‖Hv‖ + 1e-6),
 * orthogonalised once against the vectors found, λ = vᵀHv, until |λ_old − λ|/(|λ_old| + 1e-6) is
 * below the tolerance; what it returns then is λ_old.
 */
export async function powerIteration(
  operator: Operator,
  { count, steps, tolerance, start }: PowerOptions,
): Promise<PowerResult> {
  const vectors: Float64Array[] = [];
  const values: number[] = [];
  const residuals: number[] = [];
  let iterations = 0;
  let converged = true;
  for (let index = 0; index < Math.min(count, operator.dimension); index++) {
    const found = await oneMore(operator, vectors, { steps, tolerance, start: start(index) });
    vectors.push(found.vector);
    values.push(found.value);
    residuals.push(found.residual);
    iterations += found.iterations;
    converged &&= found.converged;
  }
  return { values, residuals, iterations, converged };
}

interface Found {
  readonly value: number;
  readonly residual: number;
  readonly vector: Float64Array;
  readonly iterations: number;
  readonly converged: boolean;
}

async function oneMore(
  operator: Operator,
  found: readonly Float64Array[],
  { steps, tolerance, start }: { steps: number; tolerance: number; start: Float64Array },
): Promise<Found> {
  let v = normalised(start);
  let value: number | undefined;
  let residual = NaN;
  for (let i = 1; i <= steps; i++) {
    v = Float64Array.from(v);
    for (const u of found) addTo(v, -innerProduct(v, u), u);
    v = normalised(v);
    const product = await operator.apply(v);
    const next = innerProduct(product, v);
    const old: number | undefined = value;
    residual = residualOf(product, v, old ?? next);
    v = normalised(product);
    if (old !== undefined && Math.abs(old - next) / (Math.abs(old) + GUARD) < tolerance)
      return { value: old, residual, vector: v, iterations: i, converged: true };
    value = next;
    if (!Number.isFinite(next)) break;
  }
  return { value: value ?? NaN, residual, vector: v, iterations: steps, converged: false };
}

function normalised(v: Float64Array): Float64Array {
  const size = norm(v) + GUARD;
  return v.map((x) => x / size);
}

/** ‖Hv − λv‖ */
function residualOf(product: Float64Array, v: Float64Array, value: number): number {
  const rest = Float64Array.from(product);
  addTo(rest, -value, v);
  return norm(rest);
}

/** PyHessian's `eigenvalues`. */
export const powerIterationTop: LandscapeMeasure = {
  measure: async (context) => {
    const { task, coordinates } = context;
    const operator = createHessianOperator(context, task.hvp);
    const found = await powerIteration(operator, {
      ...{ count: task.eigenvalues, steps: task.steps, tolerance: task.tolerance },
      start: (index) => gaussian(coordinates.blocks, { seed: task.seed, index }),
    });
    return {
      result: { kind: 'eigenvalues', ...descending(found) },
      hvp: operator.products,
      notes: operator.notes(),
    };
  },
  passes: ({ steps, eigenvalues }, scopes) => ({
    forwards: 0,
    gradients: 2 * steps * eigenvalues * scopes,
  }),
};

function descending(found: PowerResult): PowerResult {
  const order = found.values.map((_, i) => i);
  order.sort((a, b) => (found.values[b] as number) - (found.values[a] as number));
  return {
    ...found,
    values: order.map((i) => found.values[i] as number),
    residuals: order.map((i) => found.residuals[i] as number),
  };
}
