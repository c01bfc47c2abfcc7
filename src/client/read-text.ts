import { readFile } from 'node:fs/promises';
import { UserError } from '../shared/errors';
import { readError } from '../shared/file-errors';

/**
 * A text file, its byte order mark stripped.
 * @throws UserError `file-not-found`, `file-unreadable`; `not-utf8` with the line
 */
export async function readText(file: string): Promise<string> {
  const bytes = await readFile(file).catch((error: unknown) => {
    throw readError(error, file);
  });
  try {
    return decode(bytes);
  } catch (cause) {
    const line = firstBadLine(bytes);
    throw new UserError(
      {
        code: 'not-utf8',
        message: 'the file is not UTF-8',
        place: { file, line },
        expected: 'text in UTF-8',
        found: startsAsUtf16(bytes) ? 'UTF-16' : 'bytes of another encoding',
        remedy: 'Save the file again in UTF-8.',
      },
      { cause },
    );
  }
}

function decode(bytes: Uint8Array): string {
  return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
}

/** No byte of a longer character is a newline, so each line can be tried alone. */
function firstBadLine(bytes: Buffer): number {
  let start = 0;
  for (let line = 1; ; line++) {
    const newline = bytes.indexOf(0x0a, start);
    if (newline < 0) return line;
    try {
      decode(bytes.subarray(start, newline));
    } catch {
      return line;
    }
    start = newline + 1;
  }
}

function startsAsUtf16([first, second]: Buffer): boolean {
  return (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff);
}
