import { UserError } from './errors';

/**
 * The text of a file's bytes, its byte order mark stripped.
 * @param file for messages
 * @throws UserError `not-utf8` with the line
 */
export function decodeText(bytes: Uint8Array, file: string): string {
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
function firstBadLine(bytes: Uint8Array): number {
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

function startsAsUtf16([first, second]: Uint8Array): boolean {
  return (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff);
}
