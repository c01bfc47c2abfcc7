import { existsSync, writeSync } from 'node:fs';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { connectRun } from '../../../src/client/run-connection';
import { listRuns, openRun } from '../../../src/client/run-store';
import { Requests } from '../../../src/engine/runs/requests';
import { runSession, type RunSessionOptions } from '../../../src/engine/runs/run-session';
import { fakePrepare } from './support/fake-trainer';
import { scratchFolder, writeConfig } from './support/scratch';

const folder = await scratchFolder();
const EVERY =
  'train:\n  steps: 30\n  eval_every: 10\nprobe:\n  every: 5\ncheckpoint:\n  every: 8\n';

async function session(name: string, extra: Partial<RunSessionOptions> = {}, config = EVERY) {
  const configFile = await writeConfig(folder, name, config);
  return runSession({ configFile, prepare: fakePrepare(), ...extra });
}

describe('a run', () => {
  it('measures, saves and ends where the config says, and keeps the newest checkpoints', async () => {
    const { directory, status } = await session('whole');
    const model = await openRun(directory);
    expect(status).toBe('completed');
    expect(model.status).toBe('completed');
    expect(model.steps.step).toEqual(Array.from({ length: 30 }, (_, i) => i + 1));
    expect(model.probes.map((p) => p.step)).toEqual([0, 5, 10, 15, 20, 25, 30]);
    expect(model.evals.map((e) => e.step)).toEqual([0, 10, 20, 30]);
    expect(model.checkpoints.map((c) => c.step)).toEqual([16, 24, 30]);
    expect((await readdir(join(directory, 'checkpoints'))).sort()).toEqual([
      'step-16',
      'step-24',
      'step-30',
    ]);
    expect(existsSync(join(directory, 'engine.json'))).toBe(false);
  });

  it('stops after its step when asked, and its resumption equals the uninterrupted run', async () => {
    const whole = await session('uninterrupted');
    const requests = new Requests();
    const cut = await session('cut', {
      requests,
      prepare: async (source) => {
        const prepared = await fakePrepare()(source);
        return {
          ...prepared,
          async createTrainer(onEvent) {
            const trainer = await prepared.createTrainer(onEvent);
            const step: typeof trainer.step = (n) => {
              if (n === 13) requests.add('stop');
              return trainer.step(n);
            };
            return { ...trainer, step };
          },
        };
      },
    });
    expect(cut.status).toBe('stopped');
    const stopped = await openRun(cut.directory);
    expect(stopped.steps.step.at(-1)).toBe(13);
    expect(stopped.checkpoints.at(-1)?.step).toBe(13);

    const resumed = await runSession({
      configFile: join(folder, 'cut.flatscape.yaml'),
      resume: cut.directory,
      prepare: fakePrepare(),
    });
    expect(resumed.status).toBe('completed');
    await expectEqualRuns(whole.directory, cut.directory);
    await expect(
      runSession({
        configFile: join(folder, 'cut.flatscape.yaml'),
        resume: cut.directory,
        prepare: fakePrepare(),
      }),
    ).rejects.toMatchObject({ code: 'run-already-completed' });
  });

  it('a loss that is not a number fails the run, which can be read and resumed', async () => {
    const { directory, status, error } = await session('nan', {
      prepare: fakePrepare({ nanAt: 19 }),
    });
    expect(status).toBe('failed');
    expect(error).toMatchObject({ code: 'loss-not-finite', place: { at: 'step 19' } });
    expect(error?.found).toMatch(/last finite loss .* at step 18/);
    const model = await openRun(directory);
    expect(model.status).toBe('failed');
    expect(model.steps.loss.at(-1)).toBeNaN();
    expect(model.checkpoints.at(-1)?.step).toBe(16);
    const configFile = join(folder, 'nan.flatscape.yaml');
    await runSession({ configFile, resume: directory, prepare: fakePrepare() });
    const whole = await session('nan-whole');
    await expectEqualRuns(whole.directory, directory);
  });

  it('a disk that fills while saving fails the run and leaves the older checkpoint', async () => {
    const full = Object.assign(new Error('no space left'), { code: 'ENOSPC' });
    const { directory, error } = await session('full', {
      prepare: fakePrepare({ failSaveAt: { step: 16, error: full } }),
    });
    expect(error).toMatchObject({ code: 'disk-full', remedy: expect.stringMatching(/resume/) });
    expect(await readdir(join(directory, 'checkpoints'))).toEqual(['step-8']);
    const configFile = join(folder, 'full.flatscape.yaml');
    const resumed = await runSession({ configFile, resume: directory, prepare: fakePrepare() });
    expect(resumed.status).toBe('completed');
    await expectEqualRuns((await session('full-whole')).directory, directory);
  });

  it('a disk that fills under the journal ends the run; what was written is readable', async () => {
    let room = 6000;
    const { directory, error } = await session('journal-full', {
      writeJournal(fd, bytes, position) {
        room -= bytes.length;
        if (room < 0) throw Object.assign(new Error('no space left'), { code: 'ENOSPC' });
        return writeSync(fd, bytes, 0, bytes.length, position);
      },
    });
    expect(error).toMatchObject({ code: 'disk-full' });
    const model = await openRun(directory);
    expect(model.status).toBe('interrupted');
    expect(model.steps.step.length).toBeGreaterThan(3);
    const configFile = join(folder, 'journal-full.flatscape.yaml');
    await runSession({ configFile, resume: directory, prepare: fakePrepare() });
    await expectEqualRuns((await session('journal-whole')).directory, directory);
  });

  it('measures and saves on request, between two steps', async () => {
    const requests = new Requests();
    let steps = 0;
    const { directory } = await session(
      'asked',
      {
        requests,
        prepare: async (source) => {
          const prepared = await fakePrepare()(source);
          return {
            ...prepared,
            async createTrainer(onEvent) {
              const trainer = await prepared.createTrainer(onEvent);
              return {
                ...trainer,
                step: (n) => {
                  if (++steps === 4) {
                    requests.add('probe');
                    requests.add('checkpoint');
                  }
                  return trainer.step(n);
                },
              };
            },
          };
        },
      },
      'train:\n  steps: 9\nprobe:\n  every: 0\ncheckpoint:\n  every: 0\n',
    );
    const model = await openRun(directory);
    expect(model.probes.map((p) => p.step)).toEqual([4]);
    expect(model.checkpoints.map((c) => c.step)).toEqual([4, 9]);
  });

  it('a failing preparation leaves no run directory behind', async () => {
    const configFile = await writeConfig(folder, 'bad');
    const before = await readdir(join(folder, 'runs'));
    const prepare = () => Promise.reject(new Error('no model'));
    await expect(runSession({ configFile, prepare })).rejects.toThrow('no model');
    expect(await readdir(join(folder, 'runs'))).toEqual(before);
  });

  it('resumes with the config it began with, and says that the file has changed', async () => {
    const { directory } = await session('edited', { prepare: fakePrepare({ nanAt: 9 }) });
    const configFile = await writeConfig(folder, 'edited', 'train:\n  steps: 3\n');
    await runSession({ configFile, resume: directory, prepare: fakePrepare() });
    const model = await openRun(directory);
    expect(model.steps.step.at(-1)).toBe(30);
    expect(model.warnings.map((w) => w.code)).toContain('config-changed');
  });

  it('a second process on the same directory is refused', async () => {
    const { directory } = await session('twice', { prepare: fakePrepare({ nanAt: 9 }) });
    const configFile = join(folder, 'twice.flatscape.yaml');
    const slow = fakePrepare({ stepMs: 5 });
    const outcomes = await Promise.allSettled(
      [1, 2].map(() => runSession({ configFile, resume: directory, prepare: slow })),
    );
    const refused = outcomes.filter((o) => o.status === 'rejected');
    expect(refused).toHaveLength(1);
    expect(refused[0]?.reason).toMatchObject({ code: 'run-in-use' });
  });

  it('data that changed since is refused, with the file', async () => {
    const file = { path: 'train.jsonl', sha256: 'a', bytes: 1 };
    const prepareWith = (sha256: string, nanAt?: number) => async (source: never) => {
      const prepared = await fakePrepare(nanAt === undefined ? {} : { nanAt })(source);
      const data = { ...prepared.facts.data, files: [{ ...file, sha256 }] };
      return { ...prepared, facts: { ...prepared.facts, data } };
    };
    const { directory } = await session('data', { prepare: prepareWith('a', 3) as never });
    const configFile = join(folder, 'data.flatscape.yaml');
    await expect(
      runSession({ configFile, resume: directory, prepare: prepareWith('b') as never }),
    ).rejects.toMatchObject({ code: 'run-files-changed', place: { file: 'train.jsonl' } });
  });

  it('a client follows a live run to its end, without gap or double', async () => {
    let joined: Promise<number[]> | undefined;
    const { directory } = await session('followed', {
      prepare: fakePrepare({ stepMs: 2 }),
      onStarted: async (path) => {
        joined = connectRun(path).then((connection) => {
          const seen = Array.from({ length: connection.model.nextSeq }, (_, i) => i);
          connection.onEvent((event) => seen.push(event.seq));
          return new Promise((resolve) =>
            connection.onState((state) => state === 'ended' && resolve(seen)),
          );
        });
      },
    });
    const seen = await joined;
    const { nextSeq } = await openRun(directory);
    expect(seen).toEqual(Array.from({ length: nextSeq }, (_, i) => i));
  });
});

describe('listing runs', () => {
  it('a broken neighbour is listed with its error, and does not hide the others', async () => {
    const { directory } = await session('neighbour');
    const broken = await session('broken');
    await writeFile(join(broken.directory, 'run.json'), '{"format":1}');
    const torn = await session('torn');
    await writeFile(join(torn.directory, 'journal.jsonl'), 'nonsense\n');
    const runs = await listRuns(join(folder, 'runs'));
    const found = (path: string) => runs.find((run) => run.directory === path);
    expect(found(directory)?.model?.status).toBe('completed');
    expect(found(broken.directory)?.error).toMatchObject({ code: 'bad-manifest' });
    expect(found(torn.directory)?.error).toMatchObject({ code: 'bad-event', place: { line: 1 } });
    await rm(torn.directory, { recursive: true });
    await rm(broken.directory, { recursive: true });
  });

  it('no folder is no runs', async () => {
    expect(await listRuns(join(folder, 'absent'))).toEqual([]);
  });
});

/** Same numbers in the journal, but for times, and the same adapter, byte for byte. */
async function expectEqualRuns(a: string, b: string): Promise<void> {
  const [one, two] = [await openRun(a), await openRun(b)];
  const { elapsedMs: _a, ...stepsA } = one.steps;
  const { elapsedMs: _b, ...stepsB } = two.steps;
  expect(stepsB).toEqual(stepsA);
  expect(two.stepLayers).toEqual(one.stepLayers);
  expect(two.probeLayers).toEqual(one.probeLayers);
  const plain = <T extends { time: number; elapsedMs: number }>(all: T[]) =>
    all.map(({ time: _t, elapsedMs: _e, ...rest }) => rest);
  expect(plain(two.probes)).toEqual(plain(one.probes));
  expect(plain(two.evals)).toEqual(plain(one.evals));
  const last = join('checkpoints', 'step-30', 'adapter_model.safetensors');
  expect(await readFile(join(b, last))).toEqual(await readFile(join(a, last)));
}
