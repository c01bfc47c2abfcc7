import { UserError } from '../../shared/errors';

/** The `code` of a system error (`ENOENT`, …), or undefined for anything else. */
export function errnoOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string')
    return undefined;
  return /^E[A-Z0-9]+$/.test(error.code) ? error.code : undefined;
}

/** A failed read as a `UserError`; anything that is not a system error is returned as it is. */
export function readError(error: unknown, file: string): unknown {
  const errno = errnoOf(error);
  if (errno === undefined) return error;
  if (errno === 'ENOENT' || errno === 'ENOTDIR') {
    return new UserError(
      { code: 'file-not-found', message: 'no such file', place: { file } },
      { cause: error },
    );
  }
  return new UserError(
    {
      code: 'file-unreadable',
      message: `the file cannot be read (${errno})`,
      place: { file },
      ...(errno === 'EACCES' && { remedy: 'Check its permissions.' }),
    },
    { cause: error },
  );
}

/** A failed write as a `UserError`; anything that is not a system error is returned as it is. */
export function writeError(error: unknown, file: string): unknown {
  const errno = errnoOf(error);
  if (errno === undefined) return error;
  if (errno === 'ENOSPC' || errno === 'EDQUOT') {
    return new UserError(
      {
        code: 'disk-full',
        message: 'there is no space left to write this file',
        place: { file },
        remedy: 'Free some space and try again; the previous version of the file is untouched.',
      },
      { cause: error },
    );
  }
  return new UserError(
    {
      code: 'write-failed',
      message: `the file cannot be written (${errno})`,
      place: { file },
      remedy: 'Check that the folder exists and is writable.',
    },
    { cause: error },
  );
}
