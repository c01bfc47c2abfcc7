import { fastBackends, startAll, stepBlock, type Context } from '../context';
import { startEngine } from '../contender';
import { withQuartiles, withRange } from '../markdown';
import { MODELS, type AdapterShape, type ModelName } from '../models';
import type { LeftOut, SectionReport } from '../report';
import { interleave } from '../rounds';
import { median, summarize } from '../statistics';

interface Case {
  readonly model: ModelName;
  readonly adapter: AdapterShape;
}

const CASES: readonly Case[] = [
  { model: 'minilm', adapter: { r: 8, targets: 'query, value' } },
  { model: 'bert-base', adapter: { r: 8, targets: 'query, value' } },
  { model: 'bert-base', adapter: { r: 16, targets: 'all six of each block' } },
];

/** Section 5: time in the r x r algebra of a perturbing step. */
export async function algebraSection(context: Context): Promise<SectionReport> {
  const leftOut: LeftOut[] = [];
  const wanted = fastBackends(context).flatMap((backend, i) =>
    CASES.filter(({ model }) => context.models.includes(model))
      // One case tells where else the time goes; a large model is slow there.
      .filter((_, at) => i === 0 || at === 0)
      .map((which) => ({
        name: `algebra of ${MODELS[which.model].title} on ${backend}`,
        start: () => measure(context, which, backend),
      })),
  );
  const measured = await startAll(wanted, leftOut);
  return {
    id: 'algebra',
    title: 'The r × r algebra',
    notes: [
      'What EFMLoRA adds to a step beside forward and backward: Gram matrices, eigen-decompositions, E_B, its average,',
      'and what is moved between host and device. Measured as an EFMLoRA step less a LoRA step on a model of the same',
      'adapted modules whose loss is next to nothing, beside the whole EFMLoRA step (dropout 0.1).',
    ],
    tables: [
      {
        caption: '',
        head: [
          'Model',
          'backend',
          'adapted modules',
          'r',
          'algebra, ms',
          'EFMLoRA step, ms',
          'share of the step',
        ],
        rows: measured.map((m) => [
          MODELS[m.model].title,
          m.backend,
          m.modules,
          String(m.adapter.r),
          withQuartiles(summarize(m.algebra.flat())),
          withQuartiles(summarize(m.steps.flat())),
          withRange(
            summarize(m.algebra.map((ms, i) => (100 * median(ms)) / median(m.steps[i] ?? []))),
            (share) => `${share.toFixed(1)} %`,
          ),
        ]),
      },
    ],
    targets: [],
    leftOut,
    samples: Object.fromEntries(
      measured.map(({ model, backend, adapter, algebra, steps }) => [
        `${model}, ${backend}, r ${adapter.r}`,
        { algebra, steps },
      ]),
    ),
  };
}

async function measure(context: Context, which: Case, backend: Context['backends'][number]) {
  const { model, adapter } = which;
  const title = `algebra, ${MODELS[model].title} r ${adapter.r}, ${backend}`;
  context.progress(`${title}: loading`);
  const contender = await startEngine(backend, backend);
  const folder = await context.modelFolder(model);
  const subject = { folder, dropout: 0.1, method: 'efmlora', stepMetrics: false, adapter } as const;
  const { modules } = await contender.ask('load', subject);
  const steps = await stepBlock(contender, subject, context);
  const count = 10;
  await contender.ask('algebra', { count });
  const rounds = Math.ceil(context.effort.rounds / 2);
  const algebra = {
    name: 'algebra',
    run: async () => (await contender.ask('algebra', { count })).ms,
  };
  const samples = await interleave([steps, algebra], rounds, (round) =>
    context.progress(`${title}: round ${round} of ${rounds}`),
  );
  await contender.close();
  return {
    ...{ model, adapter, backend, modules: sizes(modules) },
    algebra: samples.get('algebra') ?? [],
    steps: samples.get(backend) ?? [],
  };
}

/** `24 of 768 × 768`, by size. */
function sizes(modules: readonly (readonly [number, number])[]): string {
  const counts = new Map<string, number>();
  for (const [out, inputs] of modules) {
    const size = `${out} × ${inputs}`;
    counts.set(size, (counts.get(size) ?? 0) + 1);
  }
  return [...counts].map(([size, count]) => `${count} of ${size}`).join(', ');
}
