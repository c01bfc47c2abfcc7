import type { Command } from 'commander';
import { openRun } from '../../../client/run-store';
import { findRun } from './find-run';
import { printJson, printText } from './output';
import { lastAdapter, lastLayers, summaryText } from './summary';

export function addShow(program: Command): void {
  program
    .command('show <run>')
    .description('what a run has measured, with a line for each adapted module')
    .option('--json', 'print one JSON document')
    .action(async (name: string, { json }: { json?: boolean }) => {
      const directory = findRun(name);
      const model = await openRun(directory);
      if (!json) return printText(summaryText(directory, model));
      const { manifest, status, totalSteps, steps, probes, evals, checkpoints, warnings } = model;
      printJson(
        {
          ...{
            directory,
            manifest,
            status,
            totalSteps,
            steps,
            probes,
            evals,
            checkpoints,
            warnings,
          },
          adapter: lastAdapter(directory, model),
          layers: lastLayers(model),
          error: model.error,
        },
        2,
      );
    });
}
