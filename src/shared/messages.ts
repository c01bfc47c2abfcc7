import * as z from 'zod';
import { eventSchema } from './events';
import { keepNonFinite } from './numbers';
import { QUANTITY_KEYS } from './quantities';
import type { RunSnapshot } from './run-snapshot';

/**
 * Between the extension host and the dashboard page. The page says `ready` after every load, with an
 * id of its own, and gets one snapshot; afterwards, while visible, the events that follow it. The
 * host answers every request. A page that hears no heartbeat says that it is disconnected.
 */
export const pageMessageSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('ready'), page: z.string() }),
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
  z.object({
    type: z.literal('export'),
    id: z.int(),
    /** Suggested file name. */
    name: z.string(),
    format: z.enum(['png', 'svg', 'csv']),
    /** PNG as base64, the rest as text. */
    data: z.string(),
  }),
  z.object({ type: z.literal('copy'), id: z.int(), text: z.string() }),
  z.object({
    type: z.literal('docs'),
    id: z.int(),
    /** A page below `docs/`, and nothing above it. */
    page: z.string().regex(/^(methods\/)?[a-z0-9-]+\.md$/),
  }),
  z.object({ type: z.literal('problem'), message: z.string() }),
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
  /** What the journal cannot say: whether a process owns the run and can be controlled. */
  z.object({
    type: z.literal('connection'),
    ...pageId,
    state: z.enum(['live', 'ended', 'interrupted', 'connecting']),
    trusted: z.boolean(),
  }),
  z.object({
    type: z.literal('failed'),
    ...pageId,
    message: z.string(),
    remedy: z.string().optional(),
  }),
  z.object({ type: z.literal('heartbeat'), ...pageId }),
  z.object({
    type: z.literal('reply'),
    id: z.int(),
    ok: z.boolean(),
    message: z.string().optional(),
  }),
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

/** Milliseconds between heartbeats; a page that misses three of them is an orphan. */
export const HEARTBEAT_MS = 2000;
