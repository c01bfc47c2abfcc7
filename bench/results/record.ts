import { readFile } from 'node:fs/promises';
import type * as z from 'zod';

/**
 * A JSON file that an earlier phase wrote; undefined where it has not.
 * @throws Error for one of another form: delete it, and the phase makes it anew
 */
export async function readRecord<T>(file: string, schema: z.ZodType<T>): Promise<T | undefined> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  return text === undefined ? undefined : schema.parse(JSON.parse(text));
}
