import { open } from 'node:fs/promises';
import { readError } from '../../shared/file-errors';
import { invalidSafetensors } from './safetensors-header';

/** Bytes that can be read by position, a few at a time: a file, or one that lies in memory. */
export interface ByteSource {
  /** For messages. */
  readonly file: string;
  readonly size: number;
  /** Fills `target` with the bytes from `position`. @throws UserError when they cannot be had */
  read(target: Uint8Array, position: number): Promise<void>;
  close(): Promise<void>;
}

/** One `read` returns at most 2^31 - 1 bytes, and may return fewer. */
const MAX_READ_BYTES = 1 << 30;

/**
 * Opens a file for reading only: it must exist, and nothing of it changes. The caller closes it.
 * @throws UserError `file-not-found`, `file-unreadable`
 */
export async function openFileSource(file: string): Promise<ByteSource> {
  const handle = await open(file, 'r').catch((error: unknown) => {
    throw readError(error, file);
  });
  try {
    const { size } = await handle.stat();
    return {
      file,
      size,
      close: () => handle.close(),
      async read(target, position) {
        for (let done = 0; done < target.length;) {
          const length = Math.min(target.length - done, MAX_READ_BYTES);
          const { bytesRead } = await handle
            .read(target, done, length, position + done)
            .catch((error: unknown) => {
              throw readError(error, file);
            });
          if (bytesRead === 0) throw shrank(file);
          done += bytesRead;
        }
      },
    };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** Bytes that somebody else has read, under the name of where they came from. */
export function memorySource(file: string, bytes: Uint8Array): ByteSource {
  return {
    file,
    size: bytes.length,
    close: () => Promise.resolve(),
    read(target, position) {
      const part = bytes.subarray(position, position + target.length);
      if (part.length < target.length) return Promise.reject(shrank(file));
      target.set(part);
      return Promise.resolve();
    },
  };
}

function shrank(file: string): unknown {
  return invalidSafetensors(file, { message: 'the file shrank while it was being read' });
}
