import { norm, type Values } from '../../algebra/small-matrix';
import type { CoordinateBlock } from '../coordinates';

/** The linear map between one block's coordinates and the tensor that they move. */
export interface BlockMap extends Pick<CoordinateBlock, 'owner' | 'key' | 'shape'> {
  /** Of the tensor that moves. */
  readonly tensorShape: readonly number[];
  /** True where the tensor is no parameter of the checkpoint, but a term that starts at 0. */
  readonly added?: boolean;
  /** J: coordinates to a change of the tensor; absent where it is the identity. */
  readonly push?: (x: Float64Array) => Values;
  /** Jᵀ: the tensor's gradient to that of the coordinates; absent where it is the identity. */
  readonly pull?: (gradient: Values) => Float64Array;
  /** Left inverse of J: a change of the tensor to its coordinates; absent where J is the identity. */
  readonly coordinatesOf?: (change: Values) => Float64Array;
  /** Coordinates of w itself. */
  values(): Promise<Values>;
  /** W [out, in], where the block's rows [out, …] change those of W; absent where `values` is W. */
  weight?(): Promise<Values>;
}

/** Norms of the rows of a matrix, or of all of a tensor of one dimension. */
export function rowNorms(values: Values, shape: readonly number[]): Float64Array {
  const rows = shape.length > 1 ? (shape[0] as number) : 1;
  const width = values.length / rows;
  return Float64Array.from({ length: rows }, (_, i) =>
    norm(values.subarray(i * width, (i + 1) * width)),
  );
}

export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, n) => product * n, 1);
}
