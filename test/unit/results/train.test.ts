import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CONTESTANTS, TASKS, trials, type RunPlan } from '../../../bench/results/plan';
import { ensureOutcome, findOutcome, partFile, writeParts } from '../../../bench/results/train';
import type { Place } from '../../../bench/results/train';
import { encodeEvent, type RunEventBody } from '../../../src/shared/events';
import { syntheticManifest } from '../../support/synthetic-run';

const TASK = { ...TASKS.spam, steps: 2 };
const [PLAN] = trials(TASK, CONTESTANTS[0] as (typeof CONTESTANTS)[number], {}) as [RunPlan];

/** Stands in for `flatscape train CONFIG`: writes a run with the journal that lies beside it. */
const FAKE_CLI = `
const fs = require('node:fs');
const path = require('node:path');
const config = process.argv[3];
const manifest = JSON.parse(fs.readFileSync(path.join(__dirname, 'manifest.json'), 'utf8'));
manifest.configText = fs.readFileSync(config, 'utf8');
manifest.name = path.basename(config).replace('.flatscape.yaml', '');
const runs = path.join(path.dirname(config), 'runs');
const count = Number(fs.readFileSync(path.join(__dirname, 'count'), 'utf8')) + 1;
fs.writeFileSync(path.join(__dirname, 'count'), String(count));
const run = path.join(runs, manifest.name + '-' + count);
fs.mkdirSync(run, { recursive: true });
fs.writeFileSync(path.join(run, 'run.json'), JSON.stringify(manifest));
fs.copyFileSync(path.join(__dirname, 'journal.jsonl'), path.join(run, 'journal.jsonl'));
`;

const EVAL = { examples: 10, loss: 0.5, macroF1: 0.8, matthews: 0.6, elapsedMs: 1 };
const WHOLE: readonly RunEventBody[] = [
  { type: 'started', totalSteps: 2 },
  { type: 'eval', step: 0, accuracy: 0.1, ...EVAL },
  step(1),
  step(2),
  { type: 'eval', step: 2, accuracy: 0.8, ...EVAL },
  { type: 'ended', status: 'completed', step: 2 },
];

let folder: string;
let place: Place;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flatscape-results-'));
  const cli = join(folder, 'cli.cjs');
  place = { folder, model: '/model', backend: 'auto', cli, progress: () => undefined };
  await writeFile(cli, FAKE_CLI);
  await writeFile(join(folder, 'manifest.json'), JSON.stringify(syntheticManifest()));
  await writeFile(join(folder, 'count'), '0');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('the runs of the results', () => {
  it('are made once, and found again with what the last evaluation said', async () => {
    await journal(WHOLE);
    expect(await findOutcome(PLAN, place)).toBeUndefined();
    const made = await ensureOutcome(PLAN, place);
    expect(made.end).toEqual({ accuracy: 0.8, loss: 0.5, trainLoss: 0.4 });
    expect((await ensureOutcome(PLAN, place)).directory).toBe(made.directory);
    expect(await started()).toBe(1);
  });

  it('are made again when they were cut off, and nothing of the cut-off one stays', async () => {
    await journal(WHOLE.slice(0, 3));
    await expect(ensureOutcome(PLAN, place)).rejects.toThrow('the run did not complete');
    await journal(WHOLE);
    expect((await ensureOutcome(PLAN, place)).end?.accuracy).toBe(0.8);
    expect(await readdir(join(folder, 'spam/head/runs'))).toEqual([`${PLAN.name}-2`]);
  });

  it('are made again when the plan has changed', async () => {
    await journal(WHOLE);
    await ensureOutcome(PLAN, place);
    const other = { ...PLAN, task: { ...TASK, maxLength: 7 } };
    expect(await findOutcome(other, place)).toBeUndefined();
    await ensureOutcome(other, place);
    expect(await started()).toBe(2);
  });

  it('count as diverged, not as failed, when the loss is not finite', async () => {
    const error = { code: 'loss-not-finite', message: 'the loss is NaN at step 2' };
    const ended: RunEventBody = { type: 'ended', status: 'failed', step: 1, error };
    await journal([...WHOLE.slice(0, 3), ended]);
    expect((await ensureOutcome(PLAN, place)).end).toBeUndefined();
    await ensureOutcome(PLAN, place);
    expect(await started()).toBe(1);
  });
});

describe('the parts of the data', () => {
  it('share no example', async () => {
    const rows = (name: string, n: number) =>
      Array.from({ length: n }, (_, i) => `${JSON.stringify({ text: `${name} ${i}` })}\n`).join('');
    const [train, test] = [join(folder, 'train.jsonl'), join(folder, 'eval.jsonl')];
    await writeFile(train, rows('ours', 12));
    await writeFile(test, rows('held', 9));
    const task = { ...TASK, sizes: { train: 7, validation: 4, test: 5 } };
    await writeParts(task, { folder, train, test });
    const parts = await Promise.all(
      (['train', 'validation', 'test'] as const).map(async (part) =>
        (await readFile(partFile(folder, 'spam', part), 'utf8')).trim().split('\n'),
      ),
    );
    expect(parts.map(({ length }) => length)).toEqual([7, 4, 5]);
    expect(new Set(parts.flat()).size).toBe(16);
    const more = { ...task, sizes: { train: 10, validation: 4, test: 5 } };
    await expect(writeParts(more, { folder, train, test })).rejects.toThrow('too few examples');
  });
});

function step(number: number): RunEventBody {
  return {
    ...{ type: 'step' as const, step: number, epoch: 0, loss: 0.2 * number, lr: 1, rho: 0 },
    ...{ gradientNorm: 1, clipped: false, degenerate: 0, elapsedMs: 1 },
  };
}

/** What the next run will have written. */
async function journal(bodies: readonly RunEventBody[]): Promise<void> {
  const lines = bodies.map((body, seq) => `${encodeEvent({ ...body, seq, time: seq })}\n`);
  await writeFile(join(folder, 'journal.jsonl'), lines.join(''));
}

async function started(): Promise<number> {
  return Number(await readFile(join(folder, 'count'), 'utf8'));
}
