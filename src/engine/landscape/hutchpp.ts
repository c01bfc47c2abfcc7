import { innerProduct, norm } from '../algebra/small-matrix';
import { createHessianOperator } from './hessian-operator';
import type { LandscapeMeasure } from './measure';
import { addTo, orthogonalise, type Operator } from './operator';
import { rademacher } from './random-vectors';
import { meanAndError } from './sample-statistics';

export interface HutchppOptions {
  /** Products in all, at least 3: a third for the sketch, a third for its range, the rest for what is left. */
  readonly products: number;
  /** The `index`-th vector of independent ±1 [dimension]. */
  readonly draw: (index: number) => Float64Array;
}

export interface HutchppResult {
  readonly trace: number;
  /** Of the estimated part; 0 where the sketch spans everything. */
  readonly standardError: number;
  /** tr(QᵀHQ), the part that is exact. */
  readonly exactPart: number;
}

/** A sketched direction counts if this much of it is left beside those before. */
const DEPENDENT = 1e-8;

/**
 * Hutch++ (arXiv 2010.09649): Q spans H·S for a random S; tr H = tr(QᵀHQ) + tr((I − QQᵀ)H(I − QQᵀ)), and
 * only the second part, from which the large eigenvalues are gone, is estimated.
 */
export async function hutchpp(
  operator: Operator,
  { products, draw }: HutchppOptions,
): Promise<HutchppResult> {
  const third = Math.max(1, Math.floor(products / 3));
  const basis: Float64Array[] = [];
  for (let i = 0; i < third && basis.length < operator.dimension; i++) {
    const image = await operator.apply(draw(i));
    const before = norm(image);
    orthogonalise(image, basis);
    const left = norm(image);
    if (left > DEPENDENT * before) basis.push(image.map((value) => value / left));
  }
  let exactPart = 0;
  for (const q of basis) exactPart += innerProduct(q, await operator.apply(q));
  if (basis.length === operator.dimension) return { trace: exactPart, standardError: 0, exactPart };

  const rests: number[] = [];
  for (let i = 2 * third; i < Math.max(products, 3); i++) {
    const g = draw(i);
    for (const q of basis) addTo(g, -innerProduct(g, q), q);
    rests.push(innerProduct(g, await operator.apply(g)));
  }
  const { mean, standardError } = meanAndError(rests);
  return { trace: exactPart + mean, standardError, exactPart };
}

/** tr H by Hutch++. */
export const hessianTraceHutchpp: LandscapeMeasure = {
  measure: async (context) => {
    const { task, coordinates } = context;
    const operator = createHessianOperator(context, task.hvp);
    const { trace, standardError, exactPart } = await hutchpp(operator, {
      products: task.probes,
      draw: (index) => rademacher(coordinates.blocks, { seed: task.seed, index }),
    });
    return {
      result: { kind: 'scalar', value: trace, standardError, details: { exactPart } },
      hvp: operator.products,
      notes: operator.notes(),
    };
  },
  passes: ({ probes }, scopes) => ({ forwards: 0, gradients: 2 * Math.max(probes, 3) * scopes }),
};
