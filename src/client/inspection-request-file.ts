import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { InspectionRequestInput } from '../shared/inspection/request';

/** Hands a request to an engine in a file, which is gone afterwards. */
export async function withRequestFile<T>(
  request: InspectionRequestInput,
  work: (file: string) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'flatscape-inspect-'));
  try {
    const file = join(folder, 'request.json');
    await writeFile(file, JSON.stringify(request));
    return await work(file);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
