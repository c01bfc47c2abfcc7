import * as z from 'zod';
import { keepNonFinite } from '../numbers';
import {
  connectionMessage,
  docsMessage,
  exportMessage,
  failedMessage,
  heartbeatMessage,
  problemMessage,
  readyMessage,
  replyMessage,
} from '../page-messages';
import { inspectionEventSchema } from './events';
import type { InspectionSnapshot } from './snapshot';

/**
 * Between the extension host and the landscape page, as `../messages.ts` is for the dashboard: a
 * snapshot after `ready`, then the events that follow it while the page is visible.
 */
export const landscapePageMessageSchema = z.discriminatedUnion('type', [
  readyMessage,
  z.object({
    type: z.literal('control'),
    id: z.int(),
    action: z.enum(['stop', 'resume', 'showLog', 'revealFolder']),
  }),
  exportMessage,
  docsMessage,
  problemMessage,
]);
export type LandscapePageMessage = z.output<typeof landscapePageMessageSchema>;

const pageId = { page: z.string() };

export const landscapeHostMessageSchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('snapshot'),
    ...pageId,
    snapshot: z.custom<InspectionSnapshot>(
      (v) => typeof v === 'object' && v !== null && 'manifest' in v && 'rest' in v,
    ),
  }),
  z.object({ type: z.literal('events'), ...pageId, events: z.array(inspectionEventSchema) }),
  connectionMessage,
  failedMessage,
  heartbeatMessage,
  replyMessage,
]);
export type LandscapeHostMessage = z.output<typeof landscapeHostMessageSchema>;

/** A message as `landscapeHostMessageSchema` reads it after VS Code has carried it as JSON. */
export function encodeLandscapeMessage(message: LandscapeHostMessage): unknown {
  return message.type === 'events' ? JSON.parse(JSON.stringify(message, keepNonFinite)) : message;
}

/** How one card is looked at. */
const cardViewSchema = z.object({
  scope: z.string().optional(),
  plot: z.enum(['surface', 'contour']).optional(),
  log: z.boolean().optional(),
  sort: z.enum(['depth', 'value']).optional(),
});
export type CardView = z.output<typeof cardViewSchema>;

/** What the page keeps in `setState`: view options and the inspection to restore, never data. */
export const landscapeStateSchema = z.object({
  run: z.string().describe('URI of the directory of the inspection.'),
  table: z.boolean().optional(),
  cards: z.record(z.string(), cardViewSchema).optional().describe('By index of the task.'),
});
export type LandscapeState = z.output<typeof landscapeStateSchema>;
