import { cp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { listRuns, openRun } from '../../src/client/run-store';
import { writeReport } from '../../src/engine/runs/report';
import { runSession, type RunSessionOptions } from '../../src/engine/runs/run-session';
import { describeError, isUserError } from '../../src/shared/errors';
import { RUN_FILES } from '../../src/shared/run-manifest';
import { fakePrepare } from './runs/support/fake-trainer';
import { scratchFolder, writeConfig } from './runs/support/scratch';

const folder = await scratchFolder();
const configFile = await writeConfig(
  folder,
  'run',
  'train:\n  steps: 30\ncheckpoint:\n  every: 10\n',
);
const session = (extra: Partial<RunSessionOptions> = {}) =>
  runSession({ configFile, prepare: fakePrepare(), ...extra });
const whole = (await session()).directory;

/** A copy of the run as a process killed after step 25 would have left it, in a folder of its own. */
async function interrupted(name: string): Promise<string> {
  const directory = join(folder, name, 'run-20260101-000000');
  await cp(whole, directory, { recursive: true });
  await rm(join(directory, 'checkpoints/step-30'), { recursive: true });
  const lines = await journalOf(directory);
  const cut = lines.findIndex((line) => /"type":"step","step":25,/.test(line)) + 1;
  await writeFile(join(directory, RUN_FILES.journal), `${lines.slice(0, cut).join('\n')}\n`);
  return directory;
}

async function journalOf(directory: string): Promise<string[]> {
  return (await readFile(join(directory, RUN_FILES.journal), 'utf8')).trimEnd().split('\n');
}

async function failure(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => new Error('it worked'),
    (error: unknown) => error,
  );
  if (!isUserError(error)) throw error;
  return describeError(error);
}

type Damage = (lines: string[]) => unknown;

/** Line 6, of event 5, is where each is. */
const DAMAGES: [name: string, damage: Damage, ...parts: string[]][] = [
  ['garbage', (l) => (l[5] = 'garbage'), 'line 6', 'expected a JSON object', 'found garbage'],
  ['half a line', (l) => (l[5] = l[5]?.slice(0, 20) ?? ''), 'line 6', 'found {"seq":5'],
  ['an empty line', (l) => l.splice(5, 0, ''), 'line 6', 'found an empty line'],
  [
    'an event of the future',
    (l) => (l[5] = '{"seq":5,"time":1,"type":"novelty"}'),
    'line 6',
    `expected 'started'`,
    'found "novelty" in `type`',
    'newer version',
  ],
  ['a lost line', (l) => l.splice(5, 1), 'line 6', 'expected event 5, found event 6'],
  ['a line twice', (l) => l.splice(5, 0, l[4] ?? ''), 'line 6', 'expected event 5, found event 4'],
];

describe.each(DAMAGES)('a journal with %s', (name, damage, ...parts) => {
  it('is refused with file, line and remedy, and the other runs are listed', async () => {
    const directory = await interrupted(name);
    const lines = await journalOf(directory);
    damage(lines);
    const journal = join(directory, RUN_FILES.journal);
    await writeFile(journal, `${lines.join('\n')}\n`);
    await cp(whole, join(folder, name, 'other'), { recursive: true });

    const texts = [
      await failure(openRun(directory)),
      await failure(session({ resume: directory })),
      await failure(writeReport(directory, { pageFolder: await pageFolder() })),
    ];
    for (const text of texts) for (const part of [journal, ...parts]) expect(text).toContain(part);
    expect(new Set(texts).size).toBe(1);
    const listed = await listRuns(join(folder, name));
    expect(listed.map((run) => run.error?.code ?? run.model?.status).sort()).toEqual([
      'bad-event',
      'completed',
    ]);

    // The remedy: cut off before the line that is named, it resumes.
    await writeFile(journal, `${lines.slice(0, 5).join('\n')}\n`);
    expect(await session({ resume: directory })).toMatchObject({ status: 'completed' });
    const [a, b] = [await openRun(whole), await openRun(directory)];
    expect(b.steps.loss.slice(-10)).toEqual(a.steps.loss.slice(-10));
  });
});

it.each([
  ['cut', (text: string) => text.slice(0, 300), 'no whole JSON document'],
  ['of a newer version', (t: string) => t.replace('"format": 1', '"format": 2'), 'update'],
  ['without labels', (t: string) => t.replace('"labels"', '"lables"'), 'labels'],
])('a run.json %s is refused, and listed as unreadable', async (name, edit, part) => {
  const directory = await interrupted(`manifest ${name}`);
  const file = join(directory, RUN_FILES.manifest);
  await writeFile(file, edit(await readFile(file, 'utf8')));
  const text = await failure(openRun(directory));
  expect(text).toContain(file);
  expect(text).toContain(part);
  expect(text).not.toMatch(/Invalid input|received/);
  const [listed] = await listRuns(join(folder, `manifest ${name}`));
  expect(listed?.error?.code).toBe('bad-manifest');
});

it('a new run that the disk has no room for leaves nothing behind', async () => {
  const before = await readdir(join(folder, 'runs'));
  const full = Object.assign(new Error('no space'), { code: 'ENOSPC' });
  const writeJournal = () => {
    throw full;
  };
  expect(await failure(session({ writeJournal }))).toContain('Free some space');
  expect(await readdir(join(folder, 'runs'))).toEqual(before);
});

it('a resumption that the disk has no room for leaves the run as it was', async () => {
  const directory = await interrupted('no room');
  const before = await journalOf(directory);
  const writeJournal = () => {
    throw Object.assign(new Error('no space'), { code: 'ENOSPC' });
  };
  expect(await failure(session({ resume: directory, writeJournal }))).toContain('no space left');
  expect(await journalOf(directory)).toEqual(before);
  expect(await session({ resume: directory })).toMatchObject({ status: 'completed' });
  expect((await openRun(directory)).steps.loss).toEqual((await openRun(whole)).steps.loss);
});

it('what a killed process left of a checkpoint is gone after the next one', async () => {
  const directory = await interrupted('unfinished');
  await cp(join(directory, 'checkpoints/step-20'), join(directory, 'checkpoints/.step-24.tmp'), {
    recursive: true,
  });
  await truncate(join(directory, 'checkpoints/.step-24.tmp/adapter_model.safetensors'), 3);
  await session({ resume: directory });
  expect((await readdir(join(directory, 'checkpoints'))).sort()).toEqual([
    'step-10',
    'step-20',
    'step-30',
  ]);
});

/** Stands in for the built dashboard, which this does not need. */
async function pageFolder(): Promise<string> {
  for (const name of ['dashboard.js', 'plotly.js']) await writeFile(join(folder, name), '');
  return folder;
}
