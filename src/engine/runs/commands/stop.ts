import type { Command } from 'commander';
import { connectRun } from '../../../client/run-connection';
import { findRun } from './find-run';
import { printJson, printText } from './output';

export function addStop(program: Command): void {
  program
    .command('stop <run>')
    .description('ask a run to stop after its step, with a checkpoint to resume from')
    .option('--json', 'print one JSON document')
    .action(async (name: string, { json }: { json?: boolean }) => {
      const directory = findRun(name);
      const connection = await connectRun(directory);
      try {
        await connection.request('stop');
      } finally {
        connection.close();
      }
      if (json) printJson({ directory, stopping: true });
      else printText(`${directory} stops after its step`);
    });
}
