import * as z from 'zod';
import { problemSchema, contentsSchema } from './contents';
import { BINS, histogramSchema, pairMeasuresSchema } from './measures';

/**
 * Between the extension host and its reader, a worker thread of its own: the host asks, under an id
 * of its choice, and the reader answers each request once, after as many `progress` as it likes.
 */

/** A file by its path, or bytes of a file system that cannot be read in parts. */
export const readerSourceSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('path'), path: z.string() }),
  z.object({
    kind: z.literal('bytes'),
    name: z.string(),
    bytes: z.instanceof(Uint8Array),
    /** Text of the `adapter_config.json` beside it, if there is one. */
    adapterConfig: z.string().optional(),
  }),
]);
export type ReaderSource = z.output<typeof readerSourceSchema>;

const id = { id: z.int() };
const index = z.int().nonnegative();

export const readerRequestSchema = z.discriminatedUnion('type', [
  /** Headers only. What was open before is forgotten. */
  z.object({ type: z.literal('open'), ...id, source: readerSourceSchema, version: index }),
  z.object({ type: z.literal('measurePair'), ...id, version: index, pair: index }),
  z.object({
    type: z.literal('histogram'),
    ...id,
    version: index,
    tensor: index,
    bins: z.int().min(BINS.least).max(BINS.most),
  }),
  /** No answer of its own: the request `id` fails with the code `cancelled`. */
  z.object({ type: z.literal('cancel'), ...id }),
]);
export type ReaderRequest = z.output<typeof readerRequestSchema>;

export const readerResponseSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('progress'), ...id, done: z.number(), total: z.number() }),
  z.object({ type: z.literal('opened'), ...id, bytesRead: index, contents: contentsSchema }),
  z.object({ type: z.literal('pair'), ...id, bytesRead: index, measures: pairMeasuresSchema }),
  z.object({ type: z.literal('histogram'), ...id, bytesRead: index, histogram: histogramSchema }),
  z.object({
    type: z.literal('failed'),
    ...id,
    bytesRead: index,
    /** A `UserError`; the code `internal` is our bug. */
    problem: problemSchema,
  }),
]);
export type ReaderResponse = z.output<typeof readerResponseSchema>;
