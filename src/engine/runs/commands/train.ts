import type { Command } from 'commander';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { launchRun } from '../../../client/launch';
import { connectRun } from '../../../client/run-connection';
import { readManifest } from '../../../client/run-store';
import { RUN_EVENTS } from '../../../shared/events';
import type { RunModel } from '../../../shared/run-model';
import { UserError } from '../../../shared/errors';
import { exitCodeOf } from '../../../shared/exit-codes';
import { findRun } from './find-run';
import { followJob } from './follow-job';
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

/** Watches a run to its end. */
async function follow(directory: string, json: boolean): Promise<number> {
  const connection = await connectRun(directory);
  try {
    const progress = json ? undefined : new ProgressLine(process.stdout);
    if (!json) printText(`run       ${directory}`);
    const { model } = connection;
    const left = await followJob({
      ...{ directory, connection, codec: RUN_EVENTS },
      ...(progress && { progress }),
      show: (event) => progress?.showRun(event, model.totalSteps),
      stopping: 'stopping after this step; Ctrl-C again leaves the run to it',
      resume: 'flatscape train --resume RUN',
    });
    if (!json) printText(summaryText(directory, model));
    else if (!left) printJson(resultDocument(directory, model));
    return left ? exitCodeOf('stopped') : exitCodeOf(model.status);
  } finally {
    connection.close();
  }
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
