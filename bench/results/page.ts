import { megabytes, table, withQuartiles, withRange } from '../markdown';
import { pairedRatio, summarize } from '../statistics';
import { COSTS, judgedClaims, type JudgedClaim } from './claims';
import type { Collected, TaskResults } from './collect';
import { COLUMNS, differenceOf, estimateOf, plusMinus, signed, valuesOf } from './columns';
import type { Column, ColumnName } from './columns';
import { MEASURED } from './flatness';
import { BASE, COMMON, CONTESTANTS, TUNING_SEED, type Contestant } from './plan';
import { exceedsTwoErrors, rankCorrelation } from './statistics';
import type { Times } from './time';

export interface Page {
  readonly command: string;
  readonly machine: readonly (readonly [string, string])[];
  readonly seeds: readonly number[];
  readonly tasks: readonly TaskResults[];
}

const NAMES = Object.keys(COLUMNS) as ColumnName[];

/** The whole of `docs/results.md`. */
export function resultsPage(page: Page): string {
  const lacking = page.tasks.flatMap((task) => lackingOf(task, page.seeds));
  const parts = [
    '# Results',
    `Written by \`${page.command}\` from runs of the product itself; do not edit, run it again. It trains what is not there yet, so it can be stopped at any time and goes on where it was.`,
    lacking.length > 0 ? `**Not complete yet**: ${lacking.join('; ')}.` : '',
    markdownTable(['', ''], page.machine),
    '## How',
    how(page),
    '## What the papers say, and what is seen here',
    claims(page.tasks),
    ...page.tasks.flatMap((task) => taskParts(task, page.seeds)),
  ];
  return `${parts.filter(Boolean).join('\n\n')}\n`;
}

function how({ seeds, tasks }: Page): string {
  const { adapter, optimizer, schedule, batchSize } = COMMON;
  const { examples, rho, seed, step, tolerance } = MEASURED;
  return `all-MiniLM-L6-v2 (6 blocks of width 384) with a fresh classification head. All but \`head\` train LoRA pairs of rank ${adapter.r}, \`lora_alpha\` ${adapter.lora_alpha}, on query and value of every block, with the head; \`head\` trains the head alone. AdamW, weight decay ${optimizer.weight_decay}, warm-up over ${schedule.warmup_ratio} of the steps, then linearly to 0; batches of ${batchSize}; the last checkpoint counts. Every other option is the default of [the config](config.md).

${markdownTable(
  ['Task', 'training', 'validation', 'test', 'longest, tokens', 'steps'],
  tasks.map(({ task }) => [
    task.title,
    ...[task.sizes.train, task.sizes.validation, task.sizes.test, task.maxLength, task.steps].map(
      String,
    ),
  ]),
)}

**Tuning.** Three runs for each method and task with seed ${TUNING_SEED}, which no row of the tables has. The accuracy on the validation part decides, then the validation loss; the test part is not looked at. \`head\` and \`${BASE}\` tune the learning rate. Every other method takes over the learning rate of \`${BASE}\` and tunes its strength over half, once and twice the documented default, so it has the use of the three runs of \`${BASE}\` as well.

${markdownTable(
  ['Method', 'tuned', 'values', ...tasks.map(({ task }) => `chosen, ${task.name}`)],
  CONTESTANTS.map((contestant) => [
    `\`${contestant.name}\``,
    `\`${contestant.tuned.key}\``,
    contestant.tuned.values.join(', '),
    ...tasks.map((results) => chosenText(find(results, contestant.name))),
  ]),
)}

**Seeds.** ${seeds.join(', ')}: the head and the pairs at the start, the order of the data, and dropout. The three parts of the data are the same for all. Tables give the mean and its standard error (n − 1) over the seeds. An asterisk marks what differs from \`${BASE}\` by more than two standard errors of the difference, taken seed by seed. With five seeds that is a weak test (a difference of nothing exceeds it about one time in nine), and there are dozens of comparisons on this page: a few asterisks are chance.

**Flatness.** Measured at the last checkpoint without dropout, on the first ${examples} examples of the test part. *SAM sharpness* is L(W + ρ G/‖G‖) − L(W) with ρ ${rho}. *Full W*: the entries of the merged query and value matrices of all blocks together, which every method has, \`head\` too. *Row space*: the same with the change of each matrix confined to the row space of its A. The *top eigenvalue* is that of the Hessian in full W by Lanczos' method (start seed ${seed}, until the residual is below ${100 * tolerance} % of it), each product a central difference of two gradients ${2 * step} apart. The head is not moved.

**Time and memory.** Each method in a process of its own with the settings chosen for it, blocks of steps in turn and then in reverse: the median with the quartiles in brackets, and as multiples of \`${BASE}\` the median over the rounds with the lowest and the highest. Per-layer quantities are not recorded. Memory is the highest resident set of the process while it steps.`;
}

function chosenText(of: Collected | undefined): string {
  const { settings, contestant } = of ?? {};
  const value = contestant && settings?.[contestant.tuned.key];
  return value === undefined ? '–' : String(value);
}

function claims(tasks: readonly TaskResults[]): string {
  const judged = judgedClaims(tasks);
  const counted = (wanted: string): number =>
    judged.flatMap(({ cells }) => cells).filter(({ verdict }) => verdict === wanted).length;
  const rows = judged.map(({ claim, cells }: JudgedClaim) => [
    `arXiv ${claim.source}`,
    `\`${claim.better}\` ${COLUMNS[claim.measure].better === 'higher' ? 'above' : 'below'} \`${claim.than}\``,
    COLUMNS[claim.measure].title,
    ...cells.map(({ text, verdict }) =>
      verdict === undefined
        ? text
        : `${text}: ${verdict === 'contradicts' ? '**contradicts**' : verdict}`,
    ),
  ]);
  return `The papers report these for larger models and other data, so only the direction is compared: the first method minus the second, mean and standard error over the seeds. "Agrees" and "contradicts" are differences of more than two standard errors. Of ${judged.length * tasks.length} comparisons ${counted('agrees')} agree, ${counted('contradicts')} contradict, ${counted('not decided')} are not decided by these runs.

${markdownTable(['Source', 'claim', 'measure', ...tasks.map(({ task }) => task.name)], rows)}

A step as a multiple of one of \`${BASE}\`, the papers' on their own hardware:

${markdownTable(
  ['Source', 'method', 'paper', ...tasks.map(({ task }) => task.name)],
  COSTS.map(({ source, method, paper }) => [
    `arXiv ${source}`,
    `\`${method}\``,
    paper.map((ratio) => `${ratio.toFixed(2)}×`).join(' / '),
    ...tasks.map(({ times }) => timesBase(times, method) ?? '–'),
  ]),
)}`;
}

function taskParts({ task, contestants, times }: TaskResults, seeds: readonly number[]): string[] {
  const { train, validation, test } = task.sizes;
  const base = contestants.find(({ contestant }) => contestant.name === BASE);
  const rows = contestants.map((of) => [
    `\`${of.contestant.name}\``,
    ...NAMES.map((name) => cell(of, base, name)),
    ...timeCells(times, of.contestant),
  ]);
  const head = [
    'Method',
    ...NAMES.map((name) => COLUMNS[name].title),
    ...['step, ms', `times \`${BASE}\``, 'peak memory'],
  ];
  const { examples, rho } = MEASURED;
  return [
    `## ${task.title}`,
    `${task.steps} steps, ${train} training, ${validation} validation and ${test} test examples, seeds ${seeds.join(', ')}. Flatness: ρ ${rho}, the first ${examples} test examples, evaluation mode.${timeNote(times)}`,
    markdownTable(head, rows),
    [...seen(contestants, base), correlation(contestants)].filter(Boolean).join('\n'),
  ];
}

function cell(of: Collected, base: Collected | undefined, name: ColumnName): string {
  const found = estimateOf(of, name);
  if (!found) return '–';
  const difference = of === base ? undefined : differenceOf(of, base, name);
  const mark = difference && exceedsTwoErrors(difference) ? '*' : '';
  const { format }: Column = COLUMNS[name];
  const diverged = of.finals.filter(({ outcome }) => !outcome.end).length;
  const note = name === 'accuracy' && diverged > 0 ? ` (${diverged} diverged)` : '';
  return `${plusMinus(found, format)}${mark && `\\${mark}`}${note}`;
}

function timeCells(times: Times | undefined, { name }: Contestant): string[] {
  const own = times?.contestants[name];
  if (!own) return ['–', '–', '–'];
  return [
    withQuartiles(summarize(own.ms.flat())),
    name === BASE ? '1' : (timesBase(times, name) ?? '–'),
    megabytes(own.peak),
  ];
}

/** Median over the rounds, lowest and highest. */
function timesBase(times: Times | undefined, name: string): string | undefined {
  const [own, base] = [times?.contestants[name], times?.contestants[BASE]];
  return own && base && withRange(pairedRatio(own.ms, base.ms));
}

/** Above it somebody else was computing. */
const QUIET_LOAD = 0.5;

function timeNote(times: Times | undefined): string {
  if (!times) return '';
  const { rounds, stepsPerBlock, loadBefore, backend } = times;
  const busy = loadBefore > QUIET_LOAD ? ` **The machine was not quiet**:` : ' The';
  return ` Times: ${rounds} rounds of ${stepsPerBlock} steps on \`${backend}\`.${busy} load average before them ${loadBefore.toFixed(2)}.`;
}

/** One sentence for each measure: which methods differ from the base by more than chance. */
function seen(contestants: readonly Collected[], base: Collected | undefined): string[] {
  return NAMES.map((name) => {
    const { title, better, format }: Column = COLUMNS[name];
    const compared = contestants
      .filter((of) => of !== base)
      .flatMap((of) => {
        const difference = differenceOf(of, base, name);
        return difference ? [{ name: of.contestant.name, difference }] : [];
      });
    if (compared.length === 0) return '';
    const beyond = compared.filter(({ difference }) => exceedsTwoErrors(difference));
    const isBetter = (mean: number): boolean => mean > 0 === (better === 'higher');
    const list = (wanted: boolean): string =>
      beyond
        .filter(({ difference }) => isBetter(difference.mean) === wanted)
        .map(({ name: of, difference }) => `\`${of}\` (${signed(difference, format)})`)
        .join(', ') || 'none';
    const within = compared.length - beyond.length;
    return `- ${title}: better than \`${BASE}\` by more than two standard errors: ${list(true)}; worse: ${list(false)}; within two: ${within} of ${compared.length}.`;
  });
}

/** Whether flatter checkpoints were the more accurate ones. */
function correlation(contestants: readonly Collected[]): string {
  const pairs = contestants.filter(({ contestant }) => contestant.adapter === 'lora');
  const ranks = (['sharpness', 'eigenvalue'] as const).flatMap((name) => {
    const points = pairs.flatMap((of) => {
      const accuracy = valuesOf(of, 'accuracy');
      return [...valuesOf(of, name)].flatMap(([seed, value]) => {
        const other = accuracy.get(seed);
        return other === undefined ? [] : [[value, other] as const];
      });
    });
    if (points.length < 3) return [];
    return [`${COLUMNS[name].title} ${rankCorrelation(points).toFixed(2)} (${points.length} runs)`];
  });
  return ranks.length === 0
    ? ''
    : `- Rank correlation with accuracy over the single runs of the methods with pairs: ${ranks.join(', ')}. Negative: the flatter run was the more accurate one. Both are taken on test examples, and what is often wrong there has larger gradients for that reason alone.`;
}

function lackingOf({ task, contestants, times }: TaskResults, seeds: readonly number[]): string[] {
  const count = (name: ColumnName): number =>
    contestants.reduce((sum, of) => sum + valuesOf(of, name).size, 0);
  const diverged = contestants
    .flatMap(({ finals }) => finals)
    .filter(({ outcome }) => !outcome.end);
  const wanted = contestants.length * seeds.length;
  const runs = contestants.reduce((sum, { finals }) => sum + finals.length, 0);
  const measured = count('sharpness') + diverged.length;
  return [
    ...(runs < wanted ? [`${task.name}: ${runs} of ${wanted} runs`] : []),
    ...(measured < wanted ? [`${task.name}: ${measured} of ${wanted} measured`] : []),
    ...(times ? [] : [`${task.name}: no times`]),
  ];
}

function find({ contestants }: TaskResults, name: string): Collected | undefined {
  return contestants.find(({ contestant }) => contestant.name === name);
}

function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return table({ caption: '', head, rows });
}
