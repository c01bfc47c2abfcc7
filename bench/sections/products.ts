import { fastBackends, startAll, stepBlock, type Context } from '../context';
import { startEngine } from '../contender';
import { flopsOf, stepProducts, type Product } from '../flops';
import { digits, withQuartiles, withRange } from '../markdown';
import { DEFAULT_ADAPTER, MODELS, stepShape, type ModelName } from '../models';
import type { LeftOut, SectionReport } from '../report';
import { interleave } from '../rounds';
import { median, summarize } from '../statistics';

interface Measured {
  readonly model: ModelName;
  readonly backend: string;
  readonly products: readonly Product[];
  /** By round: median milliseconds of a step; and of each product alone. */
  readonly steps: readonly number[];
  readonly alone: readonly (readonly number[])[];
}

/** Section 4: the step's rate against its bare products on the same backend. */
export async function productsSection(context: Context): Promise<SectionReport> {
  const leftOut: LeftOut[] = [];
  const wanted = fastBackends(context).flatMap((backend, i) =>
    (i === 0 ? context.models : context.models.slice(0, 1)).map((model) => ({
      name: `${MODELS[model].title} on ${backend}`,
      start: () => measure(context, model, backend),
    })),
  );
  const measured = await startAll(wanted, leftOut);
  return {
    id: 'products',
    title: 'Arithmetic rate',
    notes: [
      'The products that a step of plain LoRA needs (`bench/flops.ts`; two operations for each term, backward included,',
      'nothing that is skipped counted) over the time of the whole step, against the same products alone: plain',
      'operands, nothing transposed, nothing else in between. Dropout 0, in turns within one process.',
    ],
    tables: [rates(measured), ...measured.map(largest)],
    targets: [],
    leftOut,
    samples: Object.fromEntries(
      measured.map(({ model, backend, steps, alone, products }) => [
        `${model}, ${backend}`,
        { steps, products, alone },
      ]),
    ),
  };
}

async function measure(
  context: Context,
  model: ModelName,
  backend: Context['backends'][number],
): Promise<Measured> {
  const { effort } = context;
  const title = `products, ${MODELS[model].title}, ${backend}`;
  context.progress(`${title}: loading`);
  const products = stepProducts(stepShape(MODELS[model], DEFAULT_ADAPTER));
  const contender = await startEngine(backend, backend);
  const folder = await context.modelFolder(model);
  const subject = {
    folder,
    dropout: 0,
    method: 'lora',
    stepMetrics: false,
    adapter: DEFAULT_ADAPTER,
  } as const;
  const steps = await stepBlock(contender, subject, context);
  await contender.ask('products', { products }); // warms up
  const alone = {
    name: 'alone',
    run: async () => (await contender.ask('products', { products })).ms,
  };
  // Half the rounds: the products are many, and repeated in each.
  const samples = await interleave([steps, alone], Math.ceil(effort.rounds / 2), (round) =>
    context.progress(`${title}: round ${round} of ${Math.ceil(effort.rounds / 2)}`),
  );
  await contender.close();
  return {
    ...{ model, backend, products },
    steps: (samples.get(backend) ?? []).map(median),
    alone: samples.get('alone') ?? [],
  };
}

function rates(measured: readonly Measured[]) {
  return {
    caption: '',
    head: [
      'Model',
      'backend',
      'GFLOP in a step',
      'step, ms',
      'step, GFLOP/s',
      'its products alone, ms',
      'alone, GFLOP/s',
      'share of the step',
    ],
    rows: measured.map(({ model, backend, products, steps, alone }) => {
      const operations = flopsOf(products);
      const bare = alone.map((ms) => total(products, ms));
      const perSecond = (ms: readonly number[]) => summarize(ms.map((t) => operations / t / 1e6));
      return [
        MODELS[model].title,
        backend,
        digits(operations / 1e9),
        withQuartiles(summarize(steps)),
        withRange(perSecond(steps)),
        withQuartiles(summarize(bare)),
        withRange(perSecond(bare)),
        withRange(summarize(bare.map((ms, i) => (100 * ms) / (steps[i] ?? NaN))), percent),
      ];
    }),
  };
}

function total(products: readonly Product[], ms: readonly number[]): number {
  return products.reduce((sum, { count }, i) => sum + count * (ms[i] ?? NaN), 0);
}

function percent(value: number): string {
  return `${value.toFixed(0)} %`;
}

/** The products that take most of the step, one by one. */
function largest({ model, backend, products, alone }: Measured) {
  const rows = products
    .map((product, i) => ({ product, ms: median(alone.map((round) => round[i] ?? NaN)) }))
    .sort((a, b) => b.ms * b.product.count - a.ms * a.product.count)
    .slice(0, 6)
    .map(({ product, ms }) => {
      const { kind, m, k, n, batches, count } = product;
      const one = flopsOf([{ ...product, count: 1 }]);
      const size = `${batches > 1 ? `${batches} × ` : ''}[${m}, ${k}] · [${k}, ${n}]`;
      return [kind, size, String(count), digits(ms), digits(one / ms / 1e6)];
    });
  return {
    caption: `The costliest of them on \`${backend}\`, ${MODELS[model].title}:`,
    head: ['', 'product', 'times in a step', 'ms each', 'GFLOP/s'],
    rows,
  };
}
