import { disposeAll } from '../methods/tensor-map';
import type { Coordinates } from './coordinates';
import type { MeasureContext, Measured, MeasuredScope } from './measure';
import { movedBy } from './objective';

/** A loss, and its gradient by coordinates. */
export interface Slope {
  readonly loss: number;
  /** [dimension] */
  readonly gradient: Float64Array;
}

type Place = Pick<MeasuredScope, 'coordinates' | 'objective'>;

/** L(w + Jx): one forward pass. @param x [dimension] */
export async function lossAt({ coordinates, objective }: Place, x: Float64Array): Promise<number> {
  const point = movedBy(coordinates.base, coordinates.push(x));
  try {
    return await objective.loss(point.parameters);
  } finally {
    point.dispose();
  }
}

/** L(w + Jx) and its gradient in x: one forward and backward pass. @param x without it at w */
export async function slopeAt({ coordinates, objective }: Place, x?: Float64Array): Promise<Slope> {
  const point = x && movedBy(coordinates.base, coordinates.push(x));
  try {
    const { loss, gradients } = await objective.gradient(
      point?.parameters ?? coordinates.base,
      coordinates.keys,
    );
    try {
      return { loss, gradient: await coordinates.pull(gradients) };
    } finally {
      disposeAll(gradients);
    }
  } finally {
    point?.dispose();
  }
}

/** The part of a vector in the coordinates `whole` that moves what `part` moves. */
export function restricted(x: Float64Array, whole: Coordinates, part: Coordinates): Float64Array {
  const known = new Map(whole.blocks.map((block) => [block.key, block]));
  const values = new Float64Array(part.dimension);
  for (const { key, offset, size } of part.blocks) {
    const block = known.get(key);
    if (block?.size !== size) throw new Error(`${key} is not among the coordinates of all scopes`);
    values.set(x.subarray(block.offset, block.offset + size), offset);
  }
  return values;
}

/**
 * What `measure` finds in each scope from the gradient at w. One backward pass serves all of them:
 * the gradient of a scope is a part of that of all scopes together.
 */
export async function fromOneGradient(
  context: MeasureContext,
  scopes: readonly MeasuredScope[],
  measure: (scope: MeasuredScope, start: Slope) => Promise<Measured>,
): Promise<Map<string, Measured>> {
  const { loss, gradient } = await slopeAt(context);
  const found = new Map<string, Measured>();
  for (const scope of scopes) {
    const own = restricted(gradient, context.coordinates, scope.coordinates);
    found.set(scope.id, await measure(scope, { loss, gradient: own }));
  }
  return found;
}
