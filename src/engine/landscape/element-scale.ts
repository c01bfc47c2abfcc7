import type { Coordinates } from './coordinates';

/** |w| by coordinates, for perturbations that are relative to the weights. */
export interface ElementScale {
  /** [dimension] */
  readonly scale: Float64Array;
  /** Coordinates at 0, which such a perturbation cannot move. */
  readonly fixed: number;
  readonly notes: readonly string[];
}

export async function elementScale(coordinates: Coordinates): Promise<ElementScale> {
  const scale = (await coordinates.values()).map(Math.abs);
  const fixed = scale.reduce((count, value) => count + (value === 0 ? 1 : 0), 0);
  const { length } = scale;
  return {
    scale,
    fixed,
    notes:
      fixed === 0
        ? []
        : [`${fixed} of ${length} coordinates are 0, and |w| = 0 leaves them where they are.`],
  };
}
