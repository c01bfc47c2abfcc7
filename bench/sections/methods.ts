import type { MethodName } from '../../src/shared/methods';
import type { BackendName } from '../../src/shared/backends';
import { fastBackends, startAll, stepBlock, type Context } from '../context';
import { startEngine, type Contender } from '../contender';
import { megabytes, withQuartiles, withRange } from '../markdown';
import { DEFAULT_ADAPTER, MODELS, type ModelName } from '../models';
import type { LeftOut, SectionReport, Target } from '../report';
import { interleave } from '../rounds';
import { pairedRatio, summarize, type Summary } from '../statistics';
import type { MemoryUse } from '../worker-protocol';

/** arXiv 2508.00522, Table 6: hours and gigabytes on GPT-2 Medium and Large. */
const TABLE_6 = {
  lora: { hours: [4.3, 8.45], gigabytes: [23.6, 23.2] },
  efmlora: { hours: [4.8, 10.0], gigabytes: [24.0, 23.2] },
  fmlora: { hours: [9.1, 17.47], gigabytes: [24.0, 23.6] },
} as const satisfies Partial<Record<MethodName, object>>;

type Raced = keyof typeof TABLE_6;
/** In the order in which they are shown. */
const RACED: readonly Raced[] = ['lora', 'fmlora', 'efmlora'];

/** Of a step, as multiples of LoRA's. */
const TARGETS: Partial<Record<Raced, number>> = { efmlora: 1.03, fmlora: 2.05 };

const DROPOUT = 0.1;

/** A few percent are to be told apart here. */
const MORE_ROUNDS = 1.5;

/** One model on one backend: three methods in the same rounds. */
interface Race {
  readonly model: ModelName;
  readonly backend: BackendName;
  readonly stepMetrics: boolean;
  readonly methods: readonly Measured[];
}

interface Measured {
  readonly method: Raced;
  readonly step: Summary;
  readonly ratio: Summary;
  readonly memory: MemoryUse;
  readonly ms: readonly (readonly number[])[];
}

/** Section 3: what the flatness-aware methods cost. */
export async function methodsSection(context: Context): Promise<SectionReport> {
  const leftOut: LeftOut[] = [];
  const races: Race[] = [];
  for (const [i, backend] of fastBackends(context).entries())
    // The largest model only on the fastest backend: elsewhere it would tell the same, slowly.
    for (const model of i === 0 ? context.models : context.models.slice(0, 1))
      // What the quantities add is told once, where it weighs most: on the smallest and fastest.
      for (const stepMetrics of i === 0 && model === context.models[0] ? [false, true] : [false])
        races.push(await race(context, { model, backend, stepMetrics }, leftOut));
  return {
    id: 'methods',
    title: 'What the methods cost',
    notes: [
      `Dropout ${DROPOUT}, r 8 on query and value. “Quantities” says whether the per-layer quantities of every step`,
      '(`probe.step_metrics`) are recorded, as they are by default: plain LoRA then pays for them, too. The paper’s',
      'figures are those of its Table 6: hours and memory on GPT-2 Medium / Large, on its own hardware.',
    ],
    tables: [{ caption: '', head: HEAD, rows: races.flatMap(rowsOf) }],
    targets: races.flatMap(targetsOf),
    leftOut,
    samples: Object.fromEntries(
      races.flatMap(({ model, backend, stepMetrics, methods }) =>
        methods.map(({ method, ms }) => [
          `${model}, ${backend}, ${method}${stepMetrics ? ', quantities' : ''}`,
          ms,
        ]),
      ),
    ),
  };
}

async function race(
  context: Context,
  { model, backend, stepMetrics }: Omit<Race, 'methods'>,
  leftOut: LeftOut[],
): Promise<Race> {
  const { effort } = context;
  const title = `${MODELS[model].title}, ${backend}${stepMetrics ? ', with quantities' : ''}`;
  const folder = await context.modelFolder(model);
  const common = { folder, dropout: DROPOUT, stepMetrics, adapter: DEFAULT_ADAPTER };
  const contenders: Contender[] = [];
  const blocks = await startAll(
    RACED.map((method) => ({
      name: `${method} on ${title}`,
      start: async () => {
        context.progress(`${title}: loading ${method}`);
        const contender = await startEngine(method, backend);
        const block = await stepBlock(contender, { ...common, method }, context);
        contenders.push(contender);
        return block;
      },
    })),
    leftOut,
  );
  const rounds = Math.ceil(MORE_ROUNDS * effort.rounds);
  const samples = await interleave(blocks, rounds, (round) =>
    context.progress(`${title}: round ${round} of ${rounds}`),
  );
  const methods: Measured[] = [];
  const base = samples.get('lora');
  for (const contender of contenders) {
    const method = contender.name as Raced;
    const ms = samples.get(method);
    const memory = await contender.ask('memory', {});
    await contender.close();
    if (!ms || !base) continue;
    methods.push({ method, step: summarize(ms.flat()), ratio: pairedRatio(ms, base), memory, ms });
  }
  return { model, backend, stepMetrics, methods };
}

const HEAD = [
  ...['Model', 'backend', 'quantities', 'method', 'step, ms', 'times LoRA'],
  ...['paper, time', 'peak memory', 'paper, memory', 'device memory'],
];

function rowsOf({ model, backend, stepMetrics, methods }: Race): string[][] {
  return methods.map(({ method, step, ratio, memory }) => [
    MODELS[model].title,
    backend,
    stepMetrics ? 'recorded' : 'no',
    method,
    withQuartiles(step),
    method === 'lora' ? '1' : withRange(ratio),
    TABLE_6[method].hours.map((h, i) => timesLora(h, TABLE_6.lora.hours[i])).join(' / '),
    megabytes(memory.peakRss),
    TABLE_6[method].gigabytes.map((g, i) => timesLora(g, TABLE_6.lora.gigabytes[i])).join(' / '),
    memory.device === undefined ? '–' : megabytes(memory.device),
  ]);
}

function timesLora(value: number, lora: number | undefined): string {
  return `${(value / (lora ?? NaN)).toFixed(2)}×`;
}

function targetsOf({ model, backend, stepMetrics, methods }: Race): Target[] {
  return methods.flatMap(({ method, ratio }) => {
    const atMost = TARGETS[method];
    if (atMost === undefined) return [];
    const how = `${MODELS[model].title}, \`${backend}\`${stepMetrics ? ', quantities recorded' : ''}`;
    const what = `\`${method}\` step over \`lora\` step, ${how}`;
    return [{ what, atMost, unit: '×', found: ratio.median, range: [ratio.min, ratio.max] }];
  });
}
