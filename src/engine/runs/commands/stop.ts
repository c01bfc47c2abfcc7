import type { Command } from 'commander';
import { connectInspection } from '../../../client/inspection-connection';
import { isInspection } from '../../../client/inspection-store';
import { connectRun } from '../../../client/run-connection';
import { findRun } from './find-run';
import { printJson, printText } from './output';

export function addStop(program: Command): void {
  program
    .command('stop <run>')
    .description(
      'ask a run to stop after its step, with a checkpoint to resume from, or an inspection (its folder) to keep what it has',
    )
    .option('--json', 'print one JSON document')
    .action(async (name: string, { json }: { json?: boolean }) => {
      const directory = findRun(name);
      const inspected = isInspection(directory);
      const connection = await (inspected ? connectInspection : connectRun)(directory);
      try {
        await connection.request('stop');
      } finally {
        connection.close();
      }
      if (json) printJson({ directory, stopping: true });
      else printText(`${directory} stops after its ${inspected ? 'pass' : 'step'}`);
    });
}
