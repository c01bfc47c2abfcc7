import { UserError } from '../../../shared/errors';
import type { InspectionTask } from '../../../shared/inspection/request';
import { norm } from '../../algebra/small-matrix';
import type { CoordinateBlock, Coordinates } from '../coordinates';

/** Goldstein's, beside the norm of a direction's row. */
const EPSILON = 1e-10;

/**
 * A direction in the scale of the weights it moves.
 * - `filter` (arXiv 1712.09913): each output row to d_i ‖w_i‖/(‖d_i‖ + 1e-10); what has one dimension
 *   (biases, norms) does not move.
 * - `layer`: each tensor to d ‖w‖/(‖d‖ + 1e-10), whatever its dimensions.
 * - `none`: as it is.
 *
 * w is the weight that moves: W0 + sBA in the row space and in `full`, so that an adapter with B = 0
 * has a scale, too; in `raw` and `trainable` the tensor itself.
 * @param d [dimension]
 * @returns a new vector
 * @throws UserError `direction-zero` where a weight, and so the direction, is 0
 */
export async function normalise(
  d: Float64Array,
  coordinates: Pick<Coordinates, 'blocks' | 'rowNorms' | 'space'>,
  mode: InspectionTask['normalize'],
): Promise<Float64Array> {
  if (mode === 'none') return Float64Array.from(d);
  const norms = await coordinates.rowNorms();
  const scaled = new Float64Array(d.length);
  for (const block of coordinates.blocks) {
    const { key, shape, offset, size } = block;
    if (mode === 'filter' && shape.length <= 1) continue;
    const wanted = targetNorms(norms.get(key) ?? new Float64Array(), mode);
    if (shape.length > 1 && wanted.every((value) => value === 0)) throw zeroWeight(block, mode);
    const width = size / wanted.length;
    for (const [i, target] of wanted.entries()) {
      const from = offset + i * width;
      const row = d.subarray(from, from + width);
      const factor = target / (norm(row) + EPSILON);
      for (let j = 0; j < width; j++) scaled[from + j] = factor * (row[j] as number);
    }
  }
  if (norm(scaled) === 0) throw nothingMoves(coordinates.blocks);
  return scaled;
}

/** Of each stretch of a block that is scaled as one. */
function targetNorms(rows: Float64Array, mode: 'filter' | 'layer'): Float64Array {
  return mode === 'filter' ? rows : Float64Array.of(norm(rows));
}

function zeroWeight({ owner, key }: CoordinateBlock, mode: 'filter' | 'layer'): UserError {
  return new UserError({
    code: 'direction-zero',
    message: `\`normalize: ${mode}\` scales a direction to the weights, and ${key} is 0`,
    place: { at: owner },
    remedy:
      'Measure in the space `row` or `full`, where the scale is that of W, or set `normalize: none`.',
  });
}

function nothingMoves(blocks: readonly CoordinateBlock[]): UserError {
  return new UserError({
    code: 'direction-zero',
    message: '`normalize: filter` moves only what has rows, and here are only vectors',
    found: blocks.map(({ key }) => key).join(', '),
    remedy: 'Set `normalize: layer` or `none`.',
  });
}
