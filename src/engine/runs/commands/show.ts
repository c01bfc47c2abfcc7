import type { Command } from 'commander';
import { isInspection, openInspection } from '../../../client/inspection-store';
import { openRun } from '../../../client/run-store';
import { findRun } from './find-run';
import { inspectionDocument, inspectionText } from './inspect-summary';
import { printJson, printText } from './output';
import { lastAdapter, lastLayers, summaryText } from './summary';

export function addShow(program: Command): void {
  program
    .command('show <run>')
    .description(
      'what a run has measured, with a line for each adapted module; or an inspection (its folder)',
    )
    .option('--json', 'print one JSON document')
    .action(async (name: string, { json }: { json?: boolean }) => {
      const directory = findRun(name);
      if (isInspection(directory)) {
        const inspection = await openInspection(directory);
        if (json) return printJson(inspectionDocument(directory, inspection), 2);
        return printText(inspectionText(directory, inspection));
      }
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
