import type { Command } from 'commander';
import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { listRuns, type RunListing } from '../../../client/run-store';
import { describeError, UserError } from '../../../shared/errors';
import { DEFAULT_RUNS } from './find-run';
import { printJson, printText } from './output';
import { shortNumber, textTable } from './table';

export function addRuns(program: Command): void {
  program
    .command('runs [folder]')
    .description('list the runs in a folder, newest first')
    .option('--json', 'print one JSON document')
    .action(async (folder: string | undefined, { json }: { json?: boolean }) => {
      if (folder !== undefined) refuseMissing(resolve(folder));
      const runs = await listRuns(resolve(folder ?? DEFAULT_RUNS));
      if (json) return printJson(runs.map(runDocument), 2);
      printText(runs.length === 0 ? 'no runs' : runsTable(runs));
    });
}

/** No runs yet is no error in the default folder; a folder that was asked for must be there. */
function refuseMissing(folder: string): void {
  const found = statSync(folder, { throwIfNoEntry: false });
  if (found?.isDirectory()) return;
  throw new UserError({
    code: 'folder-not-found',
    message: 'there is no such folder',
    place: { file: folder },
    expected: 'a folder of run directories, such as `output.dir` of a config',
    ...(found && { found: 'a file' }),
    remedy: 'Check the path.',
  });
}

function runDocument({ directory, manifest, model, error }: RunListing) {
  return {
    directory,
    name: manifest?.name,
    createdAt: manifest?.createdAt,
    method: manifest?.config.method.name,
    status: model?.status,
    step: model?.steps.step.at(-1),
    totalSteps: model?.totalSteps,
    loss: model?.steps.loss.at(-1),
    eval: model?.evals.at(-1),
    error,
  };
}

function runsTable(runs: readonly RunListing[]): string {
  return textTable(runs, [
    { head: 'run', cell: ({ manifest, directory }) => manifest?.id ?? directory },
    { head: 'status', cell: ({ model }) => model?.status ?? 'unreadable' },
    { head: 'method', cell: ({ manifest }) => manifest?.config.method.name ?? '–' },
    {
      head: 'step',
      right: true,
      cell: ({ model }) => (model ? `${model.steps.step.at(-1) ?? 0}/${model.totalSteps}` : '–'),
    },
    { head: 'loss', right: true, cell: ({ model }) => shortNumber(model?.steps.loss.at(-1)) },
    {
      head: 'accuracy',
      right: true,
      cell: ({ model }) => shortNumber(model?.evals.at(-1)?.accuracy),
    },
    { head: 'problem', cell: ({ error }) => (error ? describeError(error) : '') },
  ]);
}
