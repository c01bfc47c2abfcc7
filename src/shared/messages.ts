import * as z from 'zod';
import { eventSchema } from './events';
import { keepNonFinite } from './numbers';
import {
  connectionMessage,
  docsMessage,
  exportMessage,
  failedMessage,
  heartbeatMessage,
  problemMessage,
  readyMessage,
  replyMessage,
} from './page-messages';
import { QUANTITY_KEYS } from './quantities';
import type { RunSnapshot } from './run-snapshot';

/**
 * Between the extension host and the dashboard page. The page says `ready` after every load, with an
 * id of its own, and gets one snapshot; afterwards, while visible, the events that follow it. The
 * host answers every request. A page that hears no heartbeat says that it is disconnected.
 */
export const pageMessageSchema = z.discriminatedUnion('type', [
  readyMessage,
  z.object({
    type: z.literal('control'),
    id: z.int(),
    action: z.enum([
      'stop',
      'checkpoint',
      'probe',
      'resume',
      'showLog',
      'openConfig',
      'revealFolder',
    ]),
  }),
  exportMessage,
  z.object({ type: z.literal('copy'), id: z.int(), text: z.string() }),
  docsMessage,
  problemMessage,
]);
export type PageMessage = z.output<typeof pageMessageSchema>;

const pageId = { page: z.string() };

export const hostMessageSchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('snapshot'),
    ...pageId,
    snapshot: z.custom<RunSnapshot>((v) => typeof v === 'object' && v !== null && 'manifest' in v),
  }),
  z.object({ type: z.literal('events'), ...pageId, events: z.array(eventSchema) }),
  connectionMessage,
  failedMessage,
  heartbeatMessage,
  replyMessage,
]);
export type HostMessage = z.output<typeof hostMessageSchema>;

/**
 * A message as `hostMessageSchema` reads it after VS Code has carried it: that writes JSON, which
 * has no NaN. Only events hold such numbers; a snapshot packs its own.
 */
export function encodeHostMessage(message: HostMessage): unknown {
  return message.type === 'events' ? JSON.parse(JSON.stringify(message, keepNonFinite)) : message;
}

/** What the page keeps in `setState`: view options and the run to restore, never data. */
export const pageStateSchema = z.object({
  run: z.string().describe('URI of the run directory.'),
  quantity: z.enum(QUANTITY_KEYS).optional(),
  layers: z.array(z.string()).optional().describe('Module paths drawn as lines.'),
  table: z.boolean().optional().describe('Whether tables stand in for charts.'),
  xAxis: z.enum(['step', 'time']).optional(),
});
export type PageState = z.output<typeof pageStateSchema>;
