import * as tf from '@tensorflow/tfjs-core';
import { withGradient } from './with-gradient';

/** A frozen embedding table, kept in main memory: backends differ in gathering, and hold it twice. */
export interface FrozenTable {
  /** [entries, width], row-major. */
  readonly values: Float32Array;
  readonly entries: number;
  readonly width: number;
}

/** A table that is trained: its rows [entries, width] are a tensor, and get a gradient. */
export interface TrainedTable {
  readonly weight: tf.Tensor2D;
}

export type EmbeddingTable = FrozenTable | TrainedTable;

/** One table and, for each position, the entry to take. */
export interface Lookup {
  readonly table: EmbeddingTable;
  readonly indices: Int32Array;
}

/**
 * Sum of embeddings.
 * @param lookups tables of one width, as many indices each; frozen ones are added first, on the
 *   host, in this order
 * @returns [positions, width]
 */
export function embeddingSum(lookups: readonly [Lookup, ...Lookup[]]): tf.Tensor2D {
  const trained = lookups.flatMap(({ table, indices }) =>
    'weight' in table ? [gatherRows(table.weight, indices)] : [],
  );
  const frozen = lookups.filter(
    (lookup): lookup is Lookup & { table: FrozenTable } => 'values' in lookup.table,
  );
  const terms = frozen.length > 0 ? [frozenSum(frozen), ...trained] : trained;
  return terms.reduce((sum, term) => tf.add(sum, term));
}

function frozenSum(lookups: readonly { table: FrozenTable; indices: Int32Array }[]): tf.Tensor2D {
  const width = lookups[0]?.table.width ?? 0;
  const positions = lookups[0]?.indices.length ?? 0;
  const sum = new Float32Array(positions * width);
  for (const { table, indices } of lookups) {
    for (let position = 0; position < positions; position++) {
      const from = (indices[position] as number) * width;
      const to = position * width;
      for (let i = 0; i < width; i++)
        sum[to + i] = (sum[to + i] as number) + (table.values[from + i] as number);
    }
  }
  return tf.tensor2d(sum, [positions, width]);
}

/** weight[indices], whose gradient adds up the rows of equal index: each is that of the other. */
function gatherRows(weight: tf.Tensor2D, indices: Int32Array): tf.Tensor2D {
  return withGradient(
    [weight],
    () => tf.gather(weight, tf.tensor1d(indices, 'int32')),
    (dy) => [scatterRows(dy, indices, weight.shape[0])],
  );
}

/**
 * Σ of the rows of x [positions, width] by index, [entries, width]. By a product with the few
 * indices that occur, as not every backend can add up segments.
 */
function scatterRows(x: tf.Tensor2D, indices: Int32Array, entries: number): tf.Tensor2D {
  return withGradient(
    [x],
    () => {
      const used = [...new Set(indices)];
      const place = new Map(used.map((index, i) => [index, i]));
      const selection = new Float32Array(used.length * indices.length);
      indices.forEach((index, position) => {
        selection[(place.get(index) as number) * indices.length + position] = 1;
      });
      const rows = tf.matMul(tf.tensor2d(selection, [used.length, indices.length]), x);
      const at = tf.tensor2d(used, [used.length, 1], 'int32');
      return tf.scatterND(at, rows, [entries, x.shape[1]]) as tf.Tensor2D;
    },
    (dy) => [gatherRows(dy, indices)],
  );
}
