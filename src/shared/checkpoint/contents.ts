import * as z from 'zod';

/** What the headers of a checkpoint say: everything about its tensors but their values. */

const count = z.int().nonnegative();

/** A `UserError` as data. */
export const problemSchema = z.object({
  code: z.string(),
  message: z.string(),
  place: z
    .object({ file: z.string().optional(), line: z.int().optional(), at: z.string().optional() })
    .optional(),
  expected: z.string().optional(),
  found: z.string().optional(),
  remedy: z.string().optional(),
});
export type Problem = z.output<typeof problemSchema>;

export const tensorSchema = z.object({
  name: z.string(),
  dtype: z.string(),
  shape: z.array(count),
  /** Index into `files`. */
  file: count,
  /** Bytes of the file: from, and up to but without. */
  begin: count,
  end: count,
});
export type CheckpointTensor = z.output<typeof tensorSchema>;

/** One `.safetensors` file: the checkpoint itself, or a shard of it. */
export const checkpointFileSchema = z.object({
  name: z.string(),
  size: count,
  /** Length and header, which is all that opening reads. */
  headerBytes: count,
  tensors: count,
  metadata: z.record(z.string(), z.string()),
});
export type CheckpointFile = z.output<typeof checkpointFileSchema>;

/** The factors of one adapted module: ΔW = s B A. */
export const loraPairSchema = z.object({
  /** Path of the module as in the keys, without the prefix that PEFT puts before it. */
  module: z.string(),
  /** Name of the adapter where the keys carry one; PEFT's own files have none. */
  adapter: z.string(),
  kind: z.enum(['linear', 'embedding', 'convolution']),
  /** Indices into `tensors`. */
  a: count,
  b: count,
  /** Rows of A. */
  rank: count,
  inputs: count,
  outputs: count,
  scale: z.number(),
  /** Where s comes from, or why it is 1. */
  scaleNote: z.string(),
});
export type LoraPair = z.output<typeof loraPairSchema>;

export const contentsSchema = z.object({
  /** Counts the readings of one editor: what was measured belongs to one of them. */
  version: count,
  files: z.array(checkpointFileSchema),
  /** Name of the index, if the checkpoint is sharded. */
  index: z.string().optional(),
  tensors: z.array(tensorSchema),
  pairs: z.array(loraPairSchema),
  /** What is wrong without keeping the rest from being shown. */
  problems: z.array(problemSchema),
});
export type CheckpointContents = z.output<typeof contentsSchema>;

/** Number of values, of which a scalar has one. */
export function valuesIn({ shape }: { readonly shape: readonly number[] }): number {
  return shape.reduce((product, n) => product * n, 1);
}

/** Bytes that opening has read. */
export function headerBytes({ files }: CheckpointContents): number {
  return files.reduce((sum, file) => sum + file.headerBytes, 0);
}

/** Bytes of all files. */
export function totalBytes({ files }: CheckpointContents): number {
  return files.reduce((sum, file) => sum + file.size, 0);
}
