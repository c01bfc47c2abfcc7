import * as z from 'zod';
import { eventSchema } from './events';
import type { JournalEvent } from './journal-codec';

/**
 * The control socket of a running engine, of a run or an inspection (which knows `stop` and `ping`): one JSON object per line in each direction. A client
 * first says hello with the token of `engine.json`; other requests before it are refused and the
 * connection is closed. `since` is the first `seq` the client lacks: the engine sends it from the
 * journal, then live ones, so there is no gap and no double.
 */
export const requestSchema = z.discriminatedUnion('type', [
  z.object({
    id: z.int(),
    type: z.literal('hello'),
    token: z.string(),
    since: z.int().min(0),
  }),
  z.object({ id: z.int(), type: z.literal('stop') }),
  z.object({ id: z.int(), type: z.literal('checkpoint') }),
  z.object({ id: z.int(), type: z.literal('probe') }),
  z.object({ id: z.int(), type: z.literal('ping') }),
]);
export type ControlRequest = z.output<typeof requestSchema>;
export type ControlAction = Exclude<ControlRequest['type'], 'hello'>;

/** What an engine sends; its events are those of its journal. */
export const responseSchemaOf = <S extends z.ZodType>(event: S) =>
  z.discriminatedUnion('type', [
    z.object({ type: z.literal('event'), event }),
    z.object({ type: z.literal('reply'), id: z.int(), ok: z.literal(true) }),
    z.object({
      type: z.literal('refusal'),
      id: z.int(),
      error: z.object({ code: z.string(), message: z.string() }),
    }),
  ]);

export const responseSchema = responseSchemaOf(eventSchema);
export type ControlResponse<E extends JournalEvent = z.output<typeof eventSchema>> =
  { type: 'event'; event: E } | Exclude<z.output<typeof responseSchema>, { type: 'event' }>;
