import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { liveEngine, processStartTime } from '../../../src/client/process-identity';
import { createRunDirectory, ownRun } from '../../../src/engine/runs/run-directory';
import { scratchFolder } from './support/scratch';

const folder = await scratchFolder();
const now = new Date(2026, 0, 2, 3, 4, 5);

describe('run directory', () => {
  it('is named after run and time, and never taken twice', async () => {
    const names = await Promise.all([1, 2, 3].map(() => createRunDirectory(folder, 'run', now)));
    expect(new Set(names)).toEqual(
      new Set(['', '-2', '-3'].map((end) => join(folder, `run-20260102-030405${end}`))),
    );
  });

  it('has one owner', async () => {
    const directory = await createRunDirectory(folder, 'owned', now);
    const outcomes = await Promise.allSettled([1, 2, 3, 4].map(() => ownRun(directory)));
    const owners = outcomes.filter((o) => o.status === 'fulfilled');
    expect(owners).toHaveLength(1);
    for (const o of outcomes)
      if (o.status === 'rejected') expect(o.reason).toMatchObject({ code: 'run-in-use' });
    await owners[0]?.value.release();
    await (await ownRun(directory)).release();
  });

  it('keeps its token from other users', async () => {
    const owned = await ownRun(await createRunDirectory(folder, 'secret', now));
    const { mode } = await stat(join(owned.directory, 'engine.json'));
    if (process.platform !== 'win32') expect(mode & 0o777).toBe(0o600);
    expect(owned.engine.token).toMatch(/^[0-9a-f]{48}$/);
    await owned.release();
  });

  it.each([
    ['a pid that is not there', { pid: 0x7fffffff, startedAt: 'x' }],
    ['a pid that now belongs to another process', { pid: process.pid, startedAt: 'long ago' }],
  ])('is taken over from %s, by one process only', async (_what, dead) => {
    // Many rounds, started apart: what could go wrong is a race.
    for (let round = 0; round < 40; round++) {
      const directory = await createRunDirectory(folder, 'stale', now);
      const file = join(directory, 'engine.json');
      await writeFile(file, JSON.stringify({ ...dead, socket: 'none', token: 'old' }));
      expect(await liveEngine(directory)).toBeUndefined();
      const contenders = Array.from({ length: 6 }, async (_, i) => {
        for (let turn = 0; turn < i * round; turn++) await new Promise(setImmediate);
        return ownRun(directory);
      });
      const outcomes = await Promise.allSettled(contenders);
      expect(outcomes.filter((o) => o.status === 'fulfilled')).toHaveLength(1);
      expect((await liveEngine(directory))?.pid).toBe(process.pid);
      expect(await readFile(file, 'utf8')).not.toContain('long ago');
    }
  });

  it('is taken over when its engine.json is damaged', async () => {
    const directory = await createRunDirectory(folder, 'damaged', now);
    await writeFile(join(directory, 'engine.json'), '{"pid":');
    await (await ownRun(directory)).release();
    expect(await liveEngine(directory)).toBeUndefined();
  });
});

describe('process start time', () => {
  it('is stable for a live process and undefined for none', async () => {
    expect(await processStartTime(process.pid)).toBe(await processStartTime(process.pid));
    expect(await processStartTime(process.pid)).toBeDefined();
    expect(await processStartTime(0x7fffffff)).toBeUndefined();
    expect(await processStartTime(-1)).toBeUndefined();
  });
});
