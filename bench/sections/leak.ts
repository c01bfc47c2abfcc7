import type { BackendName } from '../../src/shared/backends';
import type { MethodName } from '../../src/shared/methods';
import { startAll, type Context } from '../context';
import { startEngine } from '../contender';
import { digits, megabytes } from '../markdown';
import { DEFAULT_ADAPTER, MODELS } from '../models';
import type { LeftOut, SectionReport } from '../report';
import { slope } from '../statistics';
import type { MemoryUse } from '../worker-protocol';

/** How often memory is looked at. */
const POINTS = 10;

interface Measured {
  readonly backend: BackendName;
  readonly method: MethodName;
  /** After the first steps, which allocate what stays, and then at equal distances. */
  readonly memory: readonly MemoryUse[];
}

/** The paper's three: one engine runs for each at the same time. Tests hold the others to account. */
const METHODS: readonly MethodName[] = ['lora', 'fmlora', 'efmlora'];

/** Section 7: what many steps leave behind. */
export async function leakSection(context: Context): Promise<SectionReport> {
  const leftOut: LeftOut[] = [];
  const { leakSteps } = context.effort;
  // No times here, so the methods need not wait for one another.
  const lanes = METHODS.map((method) =>
    startAll(
      context.backends.map((backend) => ({
        name: `leak of ${method} on ${backend}`,
        start: () => measure(context, backend, method),
      })),
      leftOut,
    ),
  );
  const measured = (await Promise.all(lanes)).flat();
  return {
    id: 'leak',
    title: 'Leaks',
    notes: [
      `${leakSteps} steps of the ${MODELS.tiny.title} model after ${leakSteps / POINTS} that do not count, dropout 0.1, quantities recorded. The slope is`,
      'that of the least-squares line through the resident set at ten points; garbage that was not collected yet is part of it.',
    ],
    tables: [
      {
        caption: '',
        head: [
          'Backend',
          'method',
          'tensors before → after',
          'tensor bytes before → after',
          'resident set before → after',
          'slope, kB per 1,000 steps',
        ],
        rows: measured.map((m) => [
          m.backend,
          m.method,
          ends(m, ({ tensors }) => String(tensors?.count)),
          ends(m, ({ tensors }) => String(tensors?.bytes)),
          ends(m, ({ rss }) => megabytes(rss)),
          digits(rssSlope(m, leakSteps)),
        ]),
      },
    ],
    targets: measured.map((m) => ({
      what: `growth of tensors and of their bytes over ${leakSteps} steps, \`${m.method}\`, \`${m.backend}\``,
      ...{ atMost: 0, unit: '', found: growth(m) },
    })),
    leftOut,
    samples: Object.fromEntries(measured.map((m) => [`${m.backend}, ${m.method}`, m.memory])),
  };
}

async function measure(
  context: Context,
  backend: BackendName,
  method: MethodName,
): Promise<Measured> {
  context.progress(`leak: ${method} on ${backend}`);
  const contender = await startEngine(`${method} on ${backend}`, backend);
  const folder = await context.modelFolder('tiny');
  const subject = { folder, dropout: 0.1, method, stepMetrics: true, adapter: DEFAULT_ADAPTER };
  await contender.ask('load', subject);
  const memory: MemoryUse[] = [];
  for (let point = 0; point <= POINTS; point++) {
    await contender.ask('steps', { count: context.effort.leakSteps / POINTS });
    memory.push(await contender.ask('memory', {}));
  }
  await contender.close();
  return { backend, method, memory };
}

function ends({ memory }: Measured, value: (at: MemoryUse) => string): string {
  const [first, last] = [memory[0], memory.at(-1)];
  return first && last ? `${value(first)} → ${value(last)}` : '–';
}

/** Whichever grew, tensors or bytes: 0 when neither did. */
function growth({ memory }: Measured): number {
  const [first, last] = [memory[0]?.tensors, memory.at(-1)?.tensors];
  if (!first || !last) return NaN;
  return Math.max(last.count - first.count, last.bytes - first.bytes);
}

/** Bytes a step, which is kB in 1,000 steps. */
function rssSlope({ memory }: Measured, steps: number): number {
  const at = memory.map((_, point) => (point * steps) / POINTS);
  return slope(
    at,
    memory.map(({ rss }) => rss),
  );
}
