import { Command, InvalidArgumentError } from 'commander';
import { mkdir } from 'node:fs/promises';
import { cpus, totalmem } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { writeFileAtomic } from '../../src/engine/formats/atomic-file';
import { chooseBackend } from '../../src/engine/backends/registry';
import { configSchema, type Config } from '../../src/shared/config/schema';
import { chosenSettings, collect, inTuningOrder } from './collect';
import { measureFlatness } from './measure';
import { resultsPage } from './page';
import { BASE, CONTESTANTS, finalRuns, SEEDS, TASK_NAMES, TASKS, trials } from './plan';
import { timeTask } from './time';
import { ensureOutcome, partFile, writeParts, type Outcome, type Place } from './train';
import type { Task, TaskName } from './plan';

// Entry of `npm run results`: trains what is missing, measures it, and writes docs/results.md.

const PHASES = ['train', 'measure', 'time', 'write'] as const;
type Phase = (typeof PHASES)[number];

interface Flags {
  readonly tasks?: TaskName[];
  readonly methods?: string[];
  readonly seeds?: number[];
  readonly steps?: number;
  readonly only?: Phase[];
  readonly folder: string;
  readonly backend: Config['runtime']['backend'];
}

interface Wanted {
  readonly tasks: readonly Task[];
  readonly seeds: readonly number[];
  readonly isWanted: (contestant: string) => boolean;
}

async function main(): Promise<void> {
  const flags = parseFlags();
  const place: Place = {
    folder: resolve(flags.folder),
    model: join(samples(), 'model'),
    backend: flags.backend,
    cli: join(import.meta.dirname, 'cli.js'),
    progress: (message) => console.log(`${new Date().toISOString().slice(11, 19)} ${message}`),
  };
  const wanted: Wanted = {
    tasks: (flags.tasks ?? TASK_NAMES).map((name) => ({
      ...TASKS[name],
      ...(flags.steps !== undefined && { steps: flags.steps }),
    })),
    seeds: flags.seeds ?? SEEDS,
    isWanted: (contestant) => flags.methods?.includes(contestant) ?? true,
  };
  const phases = new Set(flags.only ?? PHASES);
  if (phases.has('train')) for (const task of wanted.tasks) await train(task, wanted, place);
  if (phases.has('measure')) await measure(wanted, place, flags.backend);
  if (phases.has('time')) for (const task of wanted.tasks) await time(task, wanted, place);
  if (phases.has('write')) await write(flags, wanted, place);
}

/** Tunes every contestant, then makes the runs of the table, seed by seed. */
async function train(task: Task, { seeds, isWanted }: Wanted, place: Place): Promise<void> {
  const source = task.name === 'spam' ? join(samples(), 'data') : resolve('samples/glosses/data');
  const files = { train: join(source, 'train.jsonl'), test: join(source, 'eval.jsonl') };
  await writeParts(task, { folder: place.folder, ...files });
  const tuned = await inTuningOrder(CONTESTANTS, async (contestant, base = {}) => {
    const outcomes: Outcome[] = [];
    // The base's settings go into those of others: it is tuned whoever else is wanted.
    if (isWanted(contestant.name) || contestant.name === BASE)
      for (const plan of trials(task, contestant, base))
        outcomes.push(await ensureOutcome(plan, place));
    return { contestant, ...(outcomes.length > 0 && { settings: chosenSettings(outcomes) }) };
  });
  for (const seed of seeds)
    for (const { contestant, settings } of tuned)
      if (settings && isWanted(contestant.name))
        for (const plan of finalRuns(task, contestant, { settings, seeds: [seed] }))
          await ensureOutcome(plan, place);
}

/** The last checkpoint of each run that has not been measured in this way. */
async function measure(
  { tasks, seeds, isWanted }: Wanted,
  place: Place,
  backend: Flags['backend'],
): Promise<void> {
  await chooseBackend(backend);
  for (const task of tasks) {
    const { contestants } = await collect(task, seeds, place);
    for (const seed of seeds)
      for (const { contestant, finals } of contestants)
        for (const run of finals.filter((final) => final.seed === seed)) {
          if (run.flatness || !run.outcome.end || !isWanted(contestant.name)) continue;
          const testFile = partFile(place.folder, task.name, 'test');
          const { sharpness, eigenvalue } = await measureFlatness(run.outcome, testFile);
          place.progress(
            `${task.name} ${contestant.name} seed ${seed}: sharpness ${sharpness.toPrecision(4)}, eigenvalue ${eigenvalue.toPrecision(4)}`,
          );
        }
  }
}

/** With the config of the first run of each contestant. */
async function time(task: Task, { seeds, isWanted }: Wanted, place: Place): Promise<void> {
  const { contestants } = await collect(task, seeds, place);
  const configFiles = new Map(
    contestants.flatMap(({ contestant, finals: [first] }) =>
      first && isWanted(contestant.name)
        ? [[contestant.name, first.outcome.manifest.configFile] as const]
        : [],
    ),
  );
  if (configFiles.size === 0) throw new Error(`${task.name}: nothing has been trained yet`);
  await timeTask(task, configFiles, place);
}

async function write(flags: Flags, { tasks, seeds }: Wanted, place: Place): Promise<void> {
  const collected = [];
  for (const task of tasks) collected.push(await collect(task, seeds, place));
  const run = collected
    .flatMap(({ contestants }) => contestants)
    .find(({ finals }) => finals.length > 0)?.finals[0];
  const { versions = {}, backend } = run?.outcome.manifest ?? {};
  const text = resultsPage({
    command: 'npm run results',
    machine: [
      ['Processor', `${cpus()[0]?.model ?? 'unknown'}, ${cpus().length} cores`],
      ['Memory', `${(totalmem() / 2 ** 30).toFixed(1)} GiB`],
      ['System', `${process.platform} ${process.arch}`],
      [
        'Versions',
        Object.entries(versions)
          .map(([name, version]) => `${name} ${version}`)
          .join(', '),
      ],
      ['Backend', backend ? `\`${backend.name}\`` : 'none'],
      ['Written', new Date().toISOString().slice(0, 10)],
    ],
    ...{ seeds, tasks: collected },
  });
  const out = outFile(flags);
  await mkdir(dirname(out), { recursive: true });
  await writeFileAtomic(out, text);
  console.log(`${text}\nWritten to ${relative(process.cwd(), out)}`);
}

/** `docs/results.md` is of the whole plan only. */
function outFile({ tasks, methods, seeds, steps }: Flags): string {
  const whole = !tasks && !methods && !seeds && steps === undefined;
  return resolve(whole ? 'docs/results.md' : 'build/results/results.md');
}

function samples(): string {
  const folder = process.env['FLATSCAPE_RESULTS_SAMPLES'];
  if (folder === undefined) throw new Error('start this with `npm run results`');
  return folder;
}

function parseFlags(): Flags {
  const names = CONTESTANTS.map(({ name }) => name);
  const folder = process.env['FLATSCAPE_RESULTS_FOLDER'] ?? 'build/results/runs';
  return new Command('npm run results --')
    .description('Trains, measures and times the methods, and writes docs/results.md from it.')
    .option('--tasks <names>', `of ${TASK_NAMES.join(',')}`, oneOf(TASK_NAMES, ','))
    .option('--methods <names>', `of ${names.join(';')}`, oneOf(names, ';'))
    .option('--seeds <numbers>', `training seeds; without it ${SEEDS.join(',')}`, integers)
    .option('--steps <n>', 'instead of those of the plan: for a look', wholeNumber)
    .option('--only <phases>', `of ${PHASES.join(',')}`, oneOf(PHASES, ','))
    .option('--folder <path>', 'of the runs; what is whole there is not made again', folder)
    .option('--backend <name>', 'runtime.backend of the runs', backendName, 'auto')
    .parse()
    .opts<Flags>();
}

function backendName(text: string): string {
  const parsed = configSchema.shape.runtime.unwrap().shape.backend.safeParse(text);
  if (parsed.success) return parsed.data;
  throw new InvalidArgumentError('It is not the name of a backend.');
}

function wholeNumber(text: string): number {
  const number = Number(text);
  if (Number.isInteger(number) && number >= 1) return number;
  throw new InvalidArgumentError('It is not a whole number above 0.');
}

function integers(text: string): number[] {
  return text.split(',').map(wholeNumber);
}

/** A list of what is allowed. */
function oneOf<T extends string>(
  allowed: readonly T[],
  separator: string,
): (text: string) => readonly T[] {
  return (text) => {
    const names = text.split(separator);
    const wrong = names.find((name) => !(allowed as readonly string[]).includes(name));
    if (wrong !== undefined)
      throw new InvalidArgumentError(`${wrong} is not one of ${allowed.join(`${separator} `)}.`);
    return names as T[];
  };
}

main().then(
  () => process.exit(),
  (error: unknown) => {
    console.error(error);
    process.exit(1);
  },
);
