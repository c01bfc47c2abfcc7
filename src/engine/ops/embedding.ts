import * as tf from '@tensorflow/tfjs-core';

/** A frozen embedding table, kept in main memory: backends differ in gathering, and hold it twice. */
export interface EmbeddingTable {
  /** [entries, width], row-major. */
  readonly values: Float32Array;
  readonly entries: number;
  readonly width: number;
}

/** One table and, for each position, the entry to take. */
export interface Lookup {
  readonly table: EmbeddingTable;
  readonly indices: Int32Array;
}

/**
 * Sum of frozen embeddings, without a gradient.
 * @param lookups tables of one width, as many indices each; added in this order
 * @returns [positions, width]
 */
export function embeddingSum(lookups: readonly [Lookup, ...Lookup[]]): tf.Tensor2D {
  const { width } = lookups[0].table;
  const positions = lookups[0].indices.length;
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
