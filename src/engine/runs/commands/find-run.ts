import { existsSync } from 'node:fs';
import { resolve } from 'node:path';

/** Where runs are unless a config says otherwise. */
export const DEFAULT_RUNS = '.flatscape/runs';

/** A run named by its folder, or by its id below the default folder. */
export function findRun(name: string): string {
  const path = resolve(name);
  const byId = resolve(DEFAULT_RUNS, name);
  return !existsSync(path) && existsSync(byId) ? byId : path;
}
