import type { Command } from 'commander';
import { readFile, statfs } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { launchRun } from '../../../client/launch';
import { connectRun, type RunConnection } from '../../../client/run-connection';
import { liveEngine } from '../../../client/process-identity';
import { readJournal } from '../../../client/journal-reader';
import { readManifest } from '../../../client/run-store';
import { encodeEvent, type RunEvent } from '../../../shared/events';
import { RUN_FILES } from '../../../shared/run-manifest';
import type { RunModel } from '../../../shared/run-model';
import { describeError, UserError, type UserErrorFields } from '../../../shared/errors';
import { exitCodeOf } from '../../../shared/exit-codes';
import { findRun } from './find-run';
import { printJson, printText } from './output';
import { ProgressLine } from './progress-line';
import { lastAdapter, summaryText } from './summary';

interface TrainFlags {
  readonly resume?: string;
  readonly detach?: boolean;
  readonly json?: boolean;
  readonly set: string[];
}

export function addTrain(program: Command): void {
  program
    .command('train [config]')
    .description('fine-tune as a config file says, in a process of its own')
    .option('--resume <run>', 'go on with a run from its last checkpoint, with its own config')
    .option('--detach', 'print the run directory once the run has begun, and leave it alone')
    .option('--json', 'print each event as a JSON line')
    .option('--set <key=value>', 'override a key, e.g. method.rho=0.1', collect, [])
    .action(async (config: string | undefined, flags: TrainFlags) => {
      process.exitCode = await train(config, flags);
    });
}

/** The engine's bundle lies beside the command's. */
const ENGINE_SCRIPT = join(dirname(fileURLToPath(import.meta.url)), 'engine.js');

async function train(config: string | undefined, flags: TrainFlags): Promise<number> {
  const resume = flags.resume === undefined ? undefined : findRun(flags.resume);
  if (resume !== undefined && flags.set.length > 0)
    throw new UserError({
      code: 'resume-with-overrides',
      message: 'a resumed run keeps its own config: --set has no effect on it',
      found: flags.set.join(', '),
      expected: '--resume without --set',
      remedy:
        'Start a new run for other settings, with `adapter.init_from` to go on from its adapter.',
    });
  const directory = await launchRun({
    engineScript: ENGINE_SCRIPT,
    configFile: await configFile(config, resume),
    set: flags.set,
    ...(resume !== undefined && { resume }),
  });
  if (flags.detach) {
    if (flags.json) printJson({ directory });
    else printText(directory);
    return exitCodeOf('running');
  }
  return follow(directory, flags.json ?? false);
}

async function configFile(config: string | undefined, resume: string | undefined): Promise<string> {
  if (config !== undefined) return resolve(config);
  if (resume !== undefined) return (await readManifest(resume)).configFile;
  throw new UserError({
    code: 'config-not-given',
    message: 'there is no config',
    expected: '`flatscape train CONFIG`, or `flatscape train --resume RUN`',
    remedy: 'See docs/config.md for what a config holds.',
  });
}

/** Watches a run to its end; the first Ctrl-C stops the run, the second only leaves it. */
async function follow(directory: string, json: boolean): Promise<number> {
  const connection = await connectRun(directory);
  const progress = json ? undefined : new ProgressLine(process.stdout);
  if (!json) printText(`run       ${directory}`);
  const left = new AbortController();
  const interrupt = () => {
    if (left.signal.aborted || stopping) return left.abort();
    stopping = true;
    progress?.note('stopping after this step; Ctrl-C again leaves the run to it');
    connection.request('stop').catch((error: Error) => progress?.note(error.message));
  };
  let stopping = false;
  process.on('SIGINT', interrupt);
  try {
    const unwatch = progress?.watch(connection) ?? (await printEvents(directory, connection));
    await settled(directory, connection, left.signal);
    unwatch();
    progress?.clear();
    const { model } = connection;
    if (model.status === 'interrupted')
      process.stderr.write(`flatscape: ${describeError(await interruption(directory))}\n`);
    if (!json) printText(summaryText(directory, model));
    else if (!left.signal.aborted) printJson(resultDocument(directory, model));
    return left.signal.aborted ? exitCodeOf('stopped') : exitCodeOf(model.status);
  } finally {
    process.off('SIGINT', interrupt);
    connection.close();
  }
}

/** Killed, or its disk is full: the journal cannot say why, but the end of the log may. */
async function interruption(directory: string): Promise<UserErrorFields> {
  const log = await readFile(join(directory, RUN_FILES.log), 'utf8').catch(() => '');
  const { bavail, bsize } = await statfs(directory);
  const isFull = bavail * bsize < 64 << 10;
  return {
    code: 'run-interrupted',
    message: 'the process of the run ended before its time',
    place: { file: directory },
    found: isFull ? 'no space left on the disk' : `at the end of its log: ${lastLine(log)}`,
    remedy: `${isFull ? 'Free some space, then resume' : 'Resume'} it: \`flatscape train --resume RUN\`.`,
  };
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) || 'nothing';
}

/** Resolves when no process works on the run any more: its report is written by then. */
async function settled(
  directory: string,
  connection: RunConnection,
  left: AbortSignal,
): Promise<void> {
  if (connection.state === 'live')
    await new Promise<void>((over) => {
      connection.onState((state) => state !== 'live' && over());
      left.addEventListener('abort', () => over(), { once: true });
    });
  while (!left.aborted && (await liveEngine(directory))) await sleep(50);
}

/** Prints the whole journal: what was there before we joined, then what comes. */
async function printEvents(directory: string, connection: RunConnection): Promise<() => void> {
  const { nextSeq } = connection.model;
  const print = (event: RunEvent) => void process.stdout.write(`${encodeEvent(event)}\n`);
  const late: RunEvent[] = [];
  const hold = connection.onEvent((event) => void late.push(event));
  await readJournal(join(directory, RUN_FILES.journal), (event) => {
    if (event.seq < nextSeq) print(event);
  });
  hold();
  for (const event of late) print(event);
  return connection.onEvent(print);
}

function resultDocument(directory: string, model: RunModel) {
  return {
    type: 'result',
    directory,
    status: model.status,
    step: model.steps.step.at(-1) ?? 0,
    loss: model.steps.loss.at(-1),
    evalBefore: model.evals[0],
    evalAfter: model.evals.at(-1),
    adapter: lastAdapter(directory, model),
    error: model.error,
  };
}

function collect(value: string, all: string[]): string[] {
  return [...all, value];
}
