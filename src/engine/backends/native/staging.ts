import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { UserError } from '../../../shared/errors';
import { writeFileAtomic } from '../../formats/atomic-file';

/** A folder in which an installation grows before it is renamed into its place. */
export interface Staging {
  readonly folder: string;
  /** Does a part of the work unless an earlier try has finished it. */
  step(name: string, work: () => Promise<void>): Promise<void>;
  /** Puts it in its place, where it replaces what was there. */
  finish(target: string): Promise<void>;
  /** Throws all of it away: the next try begins anew. */
  discard(): Promise<void>;
  /** Lets another process in; what was finished stays for the next try. */
  close(): Promise<void>;
}

/**
 * Opens a staging folder. What an earlier try with the same `key` has finished is still there.
 * @throws UserError `install-running`
 */
export async function openStaging(folder: string, key: string): Promise<Staging> {
  await mkdir(folder, { recursive: true });
  await lock(folder);
  const file = join(folder, 'staging.json');
  const state = await readState(file);
  if (state.key !== key) {
    for (const entry of ['work', 'staging.json'])
      await rm(join(folder, entry), { recursive: true, force: true });
    state.key = key;
    state.done = [];
  }
  const work = join(folder, 'work');
  await mkdir(work, { recursive: true });
  // With nothing finished there is nothing to keep.
  const close = () =>
    state.done.length === 0
      ? rm(folder, { recursive: true, force: true })
      : rm(join(folder, 'pid'), { force: true });
  return {
    folder: work,
    async step(name, run) {
      if (state.done.includes(name)) return;
      await run();
      state.done.push(name);
      await writeFileAtomic(file, JSON.stringify(state));
    },
    async finish(target) {
      const old = join(folder, 'replaced');
      await rm(old, { recursive: true, force: true });
      await rename(target, old).catch(unlessMissing);
      await rename(work, target);
      await rm(folder, { recursive: true, force: true });
    },
    discard: () => rm(folder, { recursive: true, force: true }),
    close,
  };
}

interface State {
  key: string;
  done: string[];
}

async function readState(file: string): Promise<State> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as State;
  } catch {
    // None yet, or a torn one: the work begins anew.
    return { key: '', done: [] };
  }
}

async function lock(folder: string): Promise<void> {
  const file = join(folder, 'pid');
  const owner = Number(await readFile(file, 'utf8').catch(() => ''));
  if (owner > 0 && owner !== process.pid && isAlive(owner))
    throw new UserError({
      code: 'install-running',
      message: 'another process is installing this backend',
      found: `process ${owner}`,
      remedy: 'Wait for it, or end it.',
    });
  await rm(file, { force: true });
  const handle = await open(file, 'wx');
  await handle.writeFile(String(process.pid));
  await handle.close();
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function unlessMissing(error: unknown): void {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
}
