import type { Summary } from './statistics';
import { isMet, type BenchReport, type LeftOut, type Table, type Target } from './report';

/** The whole of `docs/benchmarks.md`: nothing in it but what the run measured, and how. */
export function benchMarkdown(report: BenchReport): string {
  const targets = report.sections.flatMap((section) => section.targets);
  const leftOut = [...report.leftOut, ...report.sections.flatMap((section) => section.leftOut)];
  return `${[
    '# Benchmarks',
    `Written by \`${report.command}\`; every figure below is from that one run. Do not edit: run it again.`,
    table(machineTable(report)),
    busyWarning(report),
    HOW,
    targets.length > 0 ? `## Targets\n\n${table(targetTable(targets))}` : '',
    ...report.sections.map(({ title, notes, tables }) =>
      [`## ${title}`, notes.join('\n'), ...tables.map(captioned)].filter(Boolean).join('\n\n'),
    ),
    leftOut.length > 0 ? `## Left out\n\n${leftOut.map(leftOutLine).join('\n')}` : '',
  ]
    .filter(Boolean)
    .join('\n\n')}\n`;
}

const HOW = [
  'Each contender is a process of its own. They take turns in short blocks, in one order and then in',
  'the reverse, so that whatever the machine does meets all of them. Times are medians over all',
  'samples, with the quartiles in brackets; a ratio is taken within each round, and reported as the',
  'median over the rounds with the lowest and the highest in brackets. A step is forward, backward,',
  'clipping and AdamW, through the trainer that runs use; weights are random, from a fixed seed.',
].join('\n');

/** Above it somebody else was computing. */
const QUIET_LOAD = 0.5;

function busyWarning({ loadBefore }: BenchReport): string {
  return loadBefore > QUIET_LOAD
    ? `**The machine was not quiet**: its load average was ${loadBefore.toFixed(2)} before the run began.`
    : '';
}

function machineTable({ machine, cards, versions, date, minutes, loadBefore }: BenchReport): Table {
  return {
    caption: '',
    head: ['', ''],
    rows: [
      ['Processor', `${machine.processor}, ${machine.cores} cores`],
      ...cards.map((card) => ['Graphics card', card]),
      ['Memory', `${(machine.memoryBytes / 2 ** 30).toFixed(1)} GiB`],
      ['System', `${machine.platform} ${machine.arch}`],
      [
        'Versions',
        Object.entries(versions)
          .map(([name, v]) => `${name} ${v}`)
          .join(', '),
      ],
      [
        'Run',
        `${date}, ${minutes.toFixed(1)} minutes, load average before ${loadBefore.toFixed(2)}`,
      ],
    ],
  };
}

function targetTable(targets: readonly Target[]): Table {
  return {
    caption: '',
    head: ['Target', 'wanted', 'found', ''],
    rows: targets.map((target) => {
      const { what, atLeast, atMost, unit, found, range } = target;
      const wanted = atLeast === undefined ? `at most ${atMost}` : `at least ${atLeast}`;
      const spread = range ? ` [${range.map(digits).join('–')}]` : '';
      const verdict = isMet(target) ? 'met' : '**missed**';
      return [what, `${wanted}${unit}`, `${digits(found)}${unit}${spread}`, verdict];
    }),
  };
}

function leftOutLine({ what, why }: LeftOut): string {
  return `- ${what}: ${why}`;
}

function captioned(t: Table): string {
  return t.caption ? `${t.caption}\n\n${table(t)}` : table(t);
}

export function table({ head, rows }: Table): string {
  const line = (cells: readonly string[]) => `| ${cells.map(escaped).join(' | ')} |`;
  return [line(head), `|${head.map(() => '---').join('|')}|`, ...rows.map(line)].join('\n');
}

function escaped(cell: string): string {
  return cell.replaceAll('|', '\\|').replaceAll('\n', ' ');
}

/** `288 [280–301]`: median and quartiles. */
export function withQuartiles({ median, q1, q3 }: Summary, format = digits): string {
  return `${format(median)} [${format(q1)}–${format(q3)}]`;
}

/** `1.53 [1.49–1.58]`: median, lowest and highest. */
export function withRange({ median, min, max }: Summary, format = digits): string {
  return `${format(median)} [${format(min)}–${format(max)}]`;
}

/** Three significant digits, never in exponents; whole numbers whole. */
export function digits(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  if (value === 0) return '0';
  const decimals = 2 - Math.floor(Math.log10(Math.abs(value)));
  return value.toFixed(Math.min(6, Math.max(0, decimals)));
}

export function megabytes(bytes: number): string {
  return `${digits(bytes / 1e6)} MB`;
}
