import type { Readable } from 'node:stream';

/** Longest line a peer may send; nothing of ours comes near it. */
const MAX_LINE = 64 << 20;

/**
 * Calls `onLine` for each line of a stream, without its newline. A last line without newline is
 * dropped. A longer line than `maxLine` bytes destroys the stream with an error.
 */
export function onLines(
  stream: Readable,
  onLine: (line: string) => void,
  maxLine = MAX_LINE,
): void {
  let parts: Buffer[] = [];
  let held = 0;
  stream.on('data', (chunk: Buffer) => {
    let start = 0;
    for (let end = chunk.indexOf(0x0a); end >= 0; end = chunk.indexOf(0x0a, start)) {
      const line = Buffer.concat([...parts, chunk.subarray(start, end)]).toString('utf8');
      parts = [];
      held = 0;
      start = end + 1;
      onLine(line);
    }
    if (start === chunk.length) return;
    parts.push(chunk.subarray(start));
    held += chunk.length - start;
    if (held > maxLine) stream.destroy(new Error(`a line is longer than ${maxLine} bytes`));
  });
}
