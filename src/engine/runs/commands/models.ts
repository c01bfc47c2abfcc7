import type { Command } from 'commander';
import { resolve } from 'node:path';
import { inspectModelFolder } from '../inspect-model';
import { printJson, printText } from './output';
import { textTable } from './table';

export function addModels(program: Command): void {
  program
    .command('models')
    .description('look at models')
    .command('inspect <folder>')
    .description('architecture and modules of a model folder, from its headers alone')
    .option('--json', 'print one JSON document')
    .action(async (folder: string, { json }: { json?: boolean }) => {
      const model = await inspectModelFolder(resolve(folder), 2);
      if (json) return printJson(model, 2);
      const table = textTable(model.modules, [
        { head: 'module', cell: ({ path }) => path },
        { head: 'out', right: true, cell: ({ out }) => String(out) },
        { head: 'in', right: true, cell: (module) => String(module.in) },
      ]);
      printText(`${model.architecture}, ${model.parameters} parameters\n\n${table}`);
    });
}
