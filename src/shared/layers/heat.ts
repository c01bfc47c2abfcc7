import { QUANTITIES } from '../quantities';
import type { LayerKey } from './columns';
import { finite } from './measured-layers';

export const HEAT_LEVELS = 5;

/**
 * How strongly each value of a column is coloured: 0 (not at all) to `HEAT_LEVELS`, in equal steps
 * from the smallest to the largest; by size where a quantity has a sign that matters. A column of
 * equal values has no colour, and an infinite value the strongest.
 */
export function heatLevels(key: LayerKey, values: readonly number[]): number[] {
  // Not the sharpness: a loss that falls is not sharp.
  const bySize = key !== 'share' && key !== 'sharpness' && QUANTITIES[key].scale === 'diverging';
  const sizes = values.map((value) => (bySize ? Math.abs(value) : Math.max(0, value)));
  const known = finite(sizes);
  const [least, most] = [Math.min(...known), Math.max(...known)];
  return sizes.map((size) => {
    if (size === Infinity) return HEAT_LEVELS;
    if (Number.isNaN(size) || !(most > least)) return 0;
    return Math.ceil(((size - least) / (most - least)) * HEAT_LEVELS);
  });
}
