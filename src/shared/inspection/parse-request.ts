import { UserError } from '../errors';
import { expectationOf } from '../zod-issue';
import { inspectionRequestSchema, type InspectionRequest } from './request';

/**
 * Checks a request and fills in its defaults.
 * @param file where it stands, for messages
 * @throws UserError `inspection-request` at the key that is wrong
 */
export function parseInspectionRequest(value: unknown, file?: string): InspectionRequest {
  const parsed = inspectionRequestSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const path = issue?.path ?? [];
  const unknownKey = issue?.code === 'unrecognized_keys' ? issue.keys[0] : undefined;
  const at = [...path, ...(unknownKey === undefined ? [] : [unknownKey])].join('.');
  const found = path.reduce<unknown>(
    (inner, key) =>
      typeof inner === 'object' && inner !== null ? Reflect.get(inner, key) : undefined,
    value,
  );
  throw new UserError({
    code: 'inspection-request',
    message:
      unknownKey === undefined ? 'the inspection is asked for wrongly' : 'there is no such key',
    place: { ...(file !== undefined && { file }), ...(at && { at }) },
    expected: unknownKey === undefined ? (expectationOf(issue) ?? 'a request') : 'a known key',
    found: unknownKey ?? (JSON.stringify(found)?.slice(0, 80) || 'nothing'),
    remedy: 'See docs/inspect.md for every key.',
  });
}
