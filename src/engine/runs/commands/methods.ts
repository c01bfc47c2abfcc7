import type { Command } from 'commander';
import { METHODS, passesText } from '../../../shared/methods';
import { printJson, printText } from './output';
import { textTable } from './table';

export function addMethods(program: Command): void {
  program
    .command('methods')
    .description('training methods: what each costs, keeps and needs, and where it is from')
    .option('--json', 'print one JSON document')
    .action(({ json }: { json?: boolean }) => {
      const methods = Object.entries(METHODS).map(([name, method]) => ({ name, ...method }));
      if (json) return printJson(methods, 2);
      const table = textTable(methods, [
        { head: 'name', cell: ({ name }) => name },
        { head: 'title', cell: ({ title }) => title },
        { head: 'passes', cell: passesText },
        { head: 'needs', cell: ({ needs }) => (needs === 'lora' ? 'pairs' : 'any adapter') },
        { head: 'state', cell: ({ state }) => state },
        { head: 'memory', cell: ({ memory }) => memory },
        { head: 'source', cell: ({ source }) => source },
      ]);
      printText(`${table}\n\n${LEGEND}`);
    });
}

const LEGEND = `passes  forward and backward passes per optimizer step
state   what a checkpoint keeps beside the optimizer's moments
memory  beyond plain training; P is the size of what is perturbed, n × m that of a weight, r the rank`;
