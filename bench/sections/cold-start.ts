import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BackendName } from '../../src/shared/backends';
import { launchRun } from '../../src/client/launch';
import { RUN_FILES } from '../../src/shared/run-manifest';
import { writeTokenizer } from '../tokenizer';
import { scratchFolder, startAll, type Context } from '../context';
import { withQuartiles } from '../markdown';
import { LABELS } from '../models';
import type { LeftOut, SectionReport } from '../report';
import { summarize } from '../statistics';

interface Launch {
  /** Milliseconds from the launch to the first journal line, and to the end of the first step. */
  readonly journal: number;
  readonly step: number;
}

/** Section 6: how long a user waits for a run to show. */
export async function coldStartSection(context: Context): Promise<SectionReport> {
  const leftOut: LeftOut[] = [];
  const configFile = await writeRun(context);
  const choices: readonly ('auto' | BackendName)[] = ['auto', ...context.backends];
  const launches = new Map<string, Launch[]>(choices.map((name) => [name, []]));
  for (let round = 0; round < context.effort.rounds; round++) {
    context.progress(`cold start: round ${round + 1} of ${context.effort.rounds}`);
    const wanted = choices.map((name) => ({
      name: `cold start of ${name}`,
      start: async () => void launches.get(name)?.push(await launch(context, configFile, name)),
    }));
    await startAll(wanted, leftOut);
  }
  const known = [...launches].filter(([, own]) => own.length > 0);
  return {
    id: 'start',
    title: 'Cold start',
    notes: [
      'From the launch of the engine process, as the extension does it, to the first line of the journal and to the end',
      'of the first step of a tiny model; files in the system’s cache, so without the disk. A native backend that the',
      'config names is first proved in a process of its own; `auto` has the verdict of the last time.',
    ],
    tables: [
      {
        caption: '',
        head: ['`runtime.backend`', 'first journal line, ms', 'first step, ms'],
        rows: known.map(([name, own]) => [
          name,
          withQuartiles(summarize(own.map(({ journal }) => journal))),
          withQuartiles(summarize(own.map(({ step }) => step))),
        ]),
      },
    ],
    targets: [],
    leftOut,
    samples: Object.fromEntries(known),
  };
}

/** A run of one step on the tiny model, with text, labels and a tokenizer of its own. */
async function writeRun(context: Context): Promise<string> {
  const model = await context.modelFolder('tiny');
  await writeTokenizer(model);
  const folder = await scratchFolder(context, 'cold-start');
  const examples = Array.from({ length: 8 }, (_, i) => ({ text: 'a b c d', label: LABELS[i % 2] }));
  await writeFile(
    join(folder, 'train.jsonl'),
    examples.map((e) => `${JSON.stringify(e)}\n`).join(''),
  );
  const config = {
    model: { name_or_path: model },
    task: { train: 'train.jsonl', labels: LABELS },
    method: { name: 'lora' },
    train: { steps: 1, batch_size: 2 },
    probe: { every: 0 },
  };
  const file = join(folder, 'cold.flatscape.json');
  await writeFile(file, JSON.stringify(config));
  return file;
}

/** Long enough for anything but a hang. */
const PATIENCE_MS = 120_000;

async function launch(
  { engineScript }: Context,
  configFile: string,
  backend: string,
): Promise<Launch> {
  const started = performance.now();
  const signal = AbortSignal.timeout(PATIENCE_MS);
  const set = [`runtime.backend=${backend}`];
  const directory = await launchRun({ engineScript, configFile, set, signal });
  const journal = performance.now() - started;
  const step = await until(directory, 'step', signal);
  // The next launch must not meet this one.
  await until(directory, 'ended', signal);
  await sleep(100);
  return { journal, step: step - started };
}

/** Waits for an event in the journal. @returns when it was seen */
async function until(directory: string, type: string, signal: AbortSignal): Promise<number> {
  for (;;) {
    signal.throwIfAborted();
    const journal = await readFile(join(directory, RUN_FILES.journal), 'utf8');
    if (journal.includes(`"type":"${type}"`)) return performance.now();
    if (journal.includes('"type":"ended"'))
      throw new Error(`the run ended without a ${type}: ${dirname(directory)}`);
    await sleep(5);
  }
}
