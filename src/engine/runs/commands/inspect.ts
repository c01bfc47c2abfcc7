import type { Command } from 'commander';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { connectInspection } from '../../../client/inspection-connection';
import { estimateInspection } from '../../../client/inspection-estimate';
import { launchInspection } from '../../../client/launch-inspection';
import { UserError } from '../../../shared/errors';
import { exitCodeOf } from '../../../shared/exit-codes';
import { INSPECTION_EVENTS } from '../../../shared/inspection/events';
import type { InspectionModel } from '../../../shared/inspection/model';
import { followJob } from './follow-job';
import { addRequestFlags, requestOf, type RequestFlags } from './inspect-flags';
import { estimateText, inspectionDocument, inspectionText } from './inspect-summary';
import { printJson, printText } from './output';
import { ProgressLine } from './progress-line';
import { showInspection } from './inspect-progress';

interface InspectFlags extends RequestFlags {
  readonly output?: string;
  readonly resume?: string;
  readonly detach?: boolean;
  readonly json?: boolean;
  readonly estimate?: boolean;
}

export function addInspect(program: Command): void {
  const command = program
    .command('inspect [run]')
    .description(
      'measure how sharp a run’s checkpoint (RUN, RUN@STEP), or any adapter, is: all of it, or layer by layer',
    );
  addRequestFlags(command)
    .option('--estimate', 'only say what it would cost')
    .option(
      '--output <folder>',
      'where to put it, unless it is of a run (default: .flatscape/inspections)',
    )
    .option('--resume <folder>', 'go on with an inspection; what is done is kept')
    .option('--detach', 'print the folder once it has begun, and leave it alone')
    .option('--json', 'print each event as a JSON line')
    .addHelpText('after', EXAMPLES)
    .action(async (run: string | undefined, flags: InspectFlags) => {
      process.exitCode = await inspect(run, flags);
    });
}

const EXAMPLES = `
Examples:
  flatscape inspect RUN --measure sam --scope modules      which modules are sharp
  flatscape inspect RUN@200 --preset layers                SAM sharpness and trace of each module
  flatscape inspect RUN --measure sam --rho 0.01,0.05,0.1  at several radii: rankings depend on them
  flatscape inspect RUN --preset pyhessian --estimate      what PyHessian's defaults would cost
  flatscape inspect --adapter DIR --model bert-base-uncased --data test.jsonl --measure hessian-top
  flatscape inspect --resume DIR                           go on after a stop or a crash`;

/** The engine's bundle lies beside the command's. */
const engineScript = join(dirname(fileURLToPath(import.meta.url)), 'engine.js');

async function inspect(run: string | undefined, flags: InspectFlags): Promise<number> {
  const { resume, json = false, output } = flags;
  if (resume !== undefined) {
    refuseOthers(run, flags);
    const size = flags.batchSize === undefined ? {} : { batchSize: Number(flags.batchSize) };
    const resumed = { engineScript, resume: resolve(resume), ...size };
    return started(await launchInspection(resumed), flags);
  }
  const request = requestOf(run, flags);
  if (flags.estimate) {
    const progress = json ? undefined : new ProgressLine(process.stderr);
    const estimate = await estimateInspection({
      ...{ engineScript, request },
      onProgress: (message) => progress?.live(message),
    });
    progress?.clear();
    if (json) printJson(estimate, 2);
    else printText(estimateText(estimate));
    return exitCodeOf('completed');
  }
  const folder = output === undefined ? {} : { output: resolve(output) };
  return started(await launchInspection({ engineScript, request, ...folder }), flags);
}

/** An inspection keeps the request that it was started with. */
function refuseOthers(run: string | undefined, flags: InspectFlags): void {
  const allowed = new Set(['resume', 'batchSize', 'detach', 'json']);
  const others = Object.entries(flags)
    .filter(([key, value]) => !allowed.has(key) && !(Array.isArray(value) && value.length === 0))
    .map(([key]) => `--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`);
  if (run === undefined && others.length === 0) return;
  throw new UserError({
    code: 'inspection-target',
    message: 'a resumed inspection keeps its own request',
    expected: '--resume with at most --batch-size, --detach, --json',
    found: [...(run === undefined ? [] : [run]), ...others].join(', '),
    remedy: 'Leave them out, or inspect anew.',
  });
}

async function started(directory: string, { detach, json = false }: InspectFlags): Promise<number> {
  if (!detach) return follow(directory, json);
  if (json) printJson({ directory });
  else printText(directory);
  return exitCodeOf('running');
}

/** Watches an inspection to its end, and prints what it has found. */
async function follow(directory: string, json: boolean): Promise<number> {
  const connection = await connectInspection(directory);
  try {
    const progress = json ? undefined : new ProgressLine(process.stdout);
    const { model } = connection;
    if (!json) printText(`inspect   ${directory}\n${model.manifest.title}`);
    const left = await followJob({
      ...{ directory, connection, codec: INSPECTION_EVENTS },
      ...(progress && { progress }),
      show: (event) => progress && showInspection(progress, event),
      stopping: 'stopping after this pass; Ctrl-C again leaves the inspection to it',
      resume: `flatscape inspect --resume ${directory}`,
    });
    if (!json) printText(inspectionText(directory, model));
    else if (!left) printJson(inspectionDocument(directory, model));
    return left ? exitCodeOf('stopped') : exitCode(model);
  } finally {
    connection.close();
  }
}

/** What could not be measured is a failure, though the rest was. */
function exitCode({ status, failures }: InspectionModel): number {
  return exitCodeOf(status === 'completed' && failures.size > 0 ? 'failed' : status);
}
