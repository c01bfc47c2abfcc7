import { randomBytes } from 'node:crypto';
import { open, rename, rm, type FileHandle } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { writeError } from '../../shared/file-errors';

/**
 * Writes a file so that readers, and a crash at any moment, see either the old content or the
 * new one. The folder must exist.
 * @throws UserError `disk-full`, `write-failed`
 */
export async function writeFileAtomic(file: string, content: string | Uint8Array): Promise<void> {
  await replaceFile(file, (handle) => handle.writeFile(content));
}

/**
 * Like `writeFileAtomic`, with the content written by `write`: into a temporary file in the same
 * folder, which is flushed and then renamed. If anything fails the temporary file is removed and
 * `file` is as it was.
 * @throws UserError `disk-full`, `write-failed`; whatever else `write` throws
 */
export async function replaceFile(
  file: string,
  write: (handle: FileHandle) => Promise<void>,
): Promise<void> {
  const folder = dirname(file);
  const unique = `${process.pid}-${randomBytes(4).toString('hex')}`;
  const temporary = join(folder, `.${basename(file)}.${unique}.tmp`);
  try {
    const handle = await open(temporary, 'wx');
    try {
      await write(handle);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, file);
    await syncFolder(folder);
  } catch (error) {
    await rm(temporary, { force: true });
    throw writeError(error, file);
  }
}

/** Makes the names in a folder durable: a rename is only once its folder is flushed. */
export async function syncFolder(folder: string): Promise<void> {
  // Windows cannot open a folder; NTFS journals the rename.
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
