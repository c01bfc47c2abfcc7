import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { UserError } from '../../shared/errors';
import { errnoOf, readError } from '../../shared/file-errors';

/** SHA-256 of a file, hex; streamed. */
export async function hashFile(file: string): Promise<string> {
  const hash = createHash('sha256');
  try {
    await pipeline(createReadStream(file, { highWaterMark: 1 << 20 }), hash);
  } catch (error) {
    throw readError(error, file);
  }
  return hash.digest('hex');
}

/**
 * @throws UserError `file-not-found`, `file-unreadable`, `json-invalid`
 */
export async function readJsonObject(file: string): Promise<Record<string, unknown>> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw readError(error, file);
  });
  return parseJsonObject(text, file);
}

/** @throws UserError `json-invalid` */
export function parseJsonObject(text: string, file: string): Record<string, unknown> {
  const invalid = (found: string): UserError =>
    new UserError({
      code: 'json-invalid',
      message: 'the file is not a JSON object',
      place: { file },
      found,
      remedy: 'The file is damaged or incomplete: download or save it again.',
    });
  let value: unknown;
  try {
    value = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (error) {
    throw invalid(error instanceof Error ? error.message : String(error));
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw invalid(Array.isArray(value) ? 'a list' : String(value));
  return value as Record<string, unknown>;
}

/** True for a regular file or a link to one; false when there is nothing, or a dangling link. */
export async function isFile(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile();
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'ENOENT' || errno === 'ENOTDIR') return false;
    throw readError(error, path);
  }
}
