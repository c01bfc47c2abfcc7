import type { Command } from 'commander';
import { resolve } from 'node:path';
import { writeReport } from '../report';
import { findRun } from './find-run';
import { printJson, printText } from './output';

export function addReport(program: Command): void {
  program
    .command('report <run>')
    .description('write the report of a run: one HTML file that needs nothing else')
    .option('-o, --output <file>', 'where to; by default report.html in the run directory')
    .option('--json', 'print one JSON document')
    .action(async (name: string, flags: { output?: string; json?: boolean }) => {
      const directory = findRun(name);
      const file = await writeReport(
        directory,
        flags.output === undefined ? {} : { file: resolve(flags.output) },
      );
      if (flags.json) printJson({ file });
      else printText(file);
    });
}
