import type { Tensor } from '@tensorflow/tfjs-core';
import type { ScopeId, SpaceName } from '../../shared/inspection/spaces';
import type { Values } from '../algebra/small-matrix';
import type { ParameterMap } from '../adapters/trainable-model';
import type { TensorMap } from '../methods/tensor-map';

/** A stretch of a coordinate vector that is one tensor. */
export interface CoordinateBlock {
  /** Module path, or the parameter's key where it is in no module. */
  readonly owner: string;
  /** Of the parameter that it moves. */
  readonly key: string;
  /** Of the coordinates, which need not be the parameter's: X of the row space is [n, r]. */
  readonly shape: readonly number[];
  readonly offset: number;
  readonly size: number;
}

/**
 * Linear coordinates x around a point w: x stands for w + Jx. Vectors are host float64, so that the
 * sums of Lanczos and of inner products are, and so that every backend adds them up alike; what
 * reaches the device is float32.
 */
export interface Coordinates {
  readonly space: SpaceName;
  readonly scope: ScopeId;
  readonly dimension: number;
  readonly blocks: readonly CoordinateBlock[];
  /** w, with an entry for everything that `push` moves. Owned by the coordinates' maker. */
  readonly base: ParameterMap;
  /** Keys of what moves. */
  readonly keys: readonly string[];
  /** Jx by parameter key, new tensors. @param x [dimension] */
  push(x: Float64Array): Map<string, Tensor>;
  /** Jᵀg [dimension] of a gradient by parameter key. */
  pull(gradients: TensorMap): Promise<Float64Array>;
  /** The coordinates of w itself [dimension], e.g. W, or sBL in the row space: for |w|. */
  values(): Promise<Float64Array>;
  /**
   * The x of which Jx is a change of the parameters, by key [dimension]; in the row space of the
   * part of it that changes W.
   */
  coordinatesOf(change: ReadonlyMap<string, Values>): Float64Array;
  /**
   * ‖w_i‖ for each row of a block, by key: of the W that it changes (`row`, `full`), else of the
   * tensor itself; one number for a tensor of one dimension. What filter normalisation scales to.
   */
  rowNorms(): Promise<ReadonlyMap<string, Float64Array>>;
  /** The same coordinates, of some blocks only. */
  restrict(scope: ScopeId, blocks: readonly CoordinateBlock[]): Coordinates;
}

/** A point w + Jx, as parameters. */
export interface MovedPoint {
  readonly parameters: ParameterMap;
  dispose(): void;
}
