import type { Command } from 'commander';
import { predict, type PredictFlags } from '../predict';
import { printJson, printText } from './output';
import { shortNumber } from './table';

export function addPredict(program: Command): void {
  program
    .command('predict [run]')
    .description('classify the texts of a file with a run, a checkpoint, or a model')
    .requiredOption('--data <file>', '.jsonl, .csv, .tsv or .parquet')
    .option('--model <folder>', 'a model instead of a run')
    .option('--adapter <folder>', 'a PEFT adapter for --model')
    .option('--text <column>', "column of the text; by default the run's, or text")
    .option('--text-pair <column>', 'column of the second text')
    .option('--label <column>', 'column of the label, to measure the accuracy')
    .option('--logits', 'print the logits as well')
    .option('--json', 'print one JSON document')
    .action(async (run: string | undefined, flags: PredictFlags & { json?: boolean }) => {
      const result = await predict(run, flags);
      if (flags.json) return printJson(result, 2);
      for (const { line, label, probability, logits } of result.predictions)
        printText(
          [line, label, shortNumber(probability), ...(logits ?? []).map(shortNumber)].join('\t'),
        );
      const { metrics } = result;
      if (metrics)
        process.stderr.write(
          `accuracy ${shortNumber(metrics.accuracy)}, macro F1 ${shortNumber(metrics.macroF1)}, Matthews ${shortNumber(metrics.matthews)}\n`,
        );
    });
}
