import type { BackendName } from '../../src/shared/backends';
import { scratchFolder, type Context } from '../context';
import { startEngine, startTorch, type Contender } from '../contender';
import { digits, withQuartiles, withRange } from '../markdown';
import { DEFAULT_ADAPTER, MODELS, type ModelName } from '../models';
import type { LeftOut, SectionReport, Table, Target } from '../report';
import { interleave } from '../rounds';
import { pairedRatio, summarize } from '../statistics';
import type { HessianTimes, LandscapeWork } from '../worker-protocol';

/** So that B is not 0, where half of the Hessian is. */
const STEPS = 20;
const PROBES = 10;

/** What is measured, and over what its ratio is taken. */
const WORKS: readonly (readonly [LandscapeWork, over?: LandscapeWork, target?: number])[] = [
  ['sharpness, module by module'],
  ['sharpness, whole forward passes', 'sharpness, module by module'],
  ['sharpness of all modules', 'sharpness, module by module', 0.6],
  ['trace of all'],
  ['traces of all modules', 'trace of all', 1.1],
  ['gradient'],
  ['exact product', 'gradient', 2.5],
  ['difference product', 'gradient'],
];

type Samples = ReadonlyMap<string, readonly (readonly number[])[]>;

/** What the landscape’s measures cost, and PyHessian beside them. */
export async function landscapeSection(context: Context): Promise<SectionReport> {
  const [model, backend] = [context.models[0], context.backends[0]];
  if (!model || !backend) throw new Error('no model or no backend');
  const leftOut: LeftOut[] = [];
  const title = `${MODELS[model].title}, ${backend}`;
  const adapterFolder = await scratchFolder(context, `landscape-${model}`);
  const engine = await openEngine(context, { model, backend, adapterFolder });
  const { modules } = await engine.ask('openLandscape', {
    folder: await context.modelFolder(model),
    adapterFolder,
  });
  const rounds = Math.ceil(context.effort.rounds / 2);
  const samples = await interleave(
    WORKS.map(([work]) => ({
      name: work,
      run: async () => (await engine.ask('landscape', { work, count: 1 })).ms,
    })),
    // The first meets everything for the first time.
    rounds + 1,
    (round) => context.progress(`landscape, ${title}: round ${round} of ${rounds + 1}`),
  );
  for (const [work, ms] of samples) samples.set(work, ms.slice(1));
  const compared = await besidePyHessian(context, { model, engine, adapterFolder }, leftOut);
  await engine.close();
  return {
    id: 'landscape',
    title: 'Measures of the landscape',
    notes: [
      `${title}, r 8 on query and value (${modules} modules) after ${STEPS} steps, the first batch in evaluation mode.`,
      'Sharpness is one-step SAM in the row space: one gradient serves all modules, and each forward pass begins at the',
      'module’s own block. Beside it: the same with whole forward passes, and each module by itself, with a gradient and',
      'a whole forward pass. Traces are of 2 probes in the row space, products are over all that is trained.',
    ],
    tables: [workTable(samples), ...(compared ? [pyHessianTable(compared, backend)] : [])],
    targets: targetsOf(samples, title, backend),
    leftOut,
    samples: { ...Object.fromEntries(samples), ...(compared && { pyhessian: compared }) },
  };
}

interface EngineOptions {
  readonly model: ModelName;
  readonly backend: BackendName;
  readonly adapterFolder: string;
}

/** An engine that has trained for a moment, and saved. */
async function openEngine(
  context: Context,
  { model, backend, adapterFolder }: EngineOptions,
): Promise<Contender> {
  context.progress(`landscape, ${MODELS[model].title}, ${backend}: training ${STEPS} steps`);
  const engine = await startEngine(backend, backend);
  await engine.ask('load', {
    ...{ folder: await context.modelFolder(model), dropout: 0, method: 'lora' },
    ...{ stepMetrics: false, adapter: DEFAULT_ADAPTER },
  });
  await engine.ask('steps', { count: STEPS });
  await engine.ask('save', { folder: adapterFolder });
  return engine;
}

type Compared = readonly (readonly [name: string, times: HessianTimes])[];

async function besidePyHessian(
  context: Context,
  { model, engine, adapterFolder }: Omit<EngineOptions, 'backend'> & { engine: Contender },
  leftOut: LeftOut[],
): Promise<Compared | undefined> {
  if (!context.torch) return undefined;
  const ask = { probes: PROBES };
  try {
    context.progress('landscape: PyHessian');
    const torch = await startTorch('PyHessian', context.torch);
    const subject = {
      ...{ folder: await context.modelFolder(model), dropout: 0, method: 'lora' as const },
      // Its fused attention has no second derivative.
      ...{ stepMetrics: false, adapter: DEFAULT_ADAPTER, attention: 'eager', adapterFolder },
    };
    await torch.ask('load', subject);
    const compared: Compared = [
      [engine.name, await engine.ask('hessian', ask)],
      ['PyHessian, one batch', await torch.ask('hessian', ask)],
      ['PyHessian, a loader of one batch', await torch.ask('hessian', { ...ask, loader: true })],
    ];
    await torch.close();
    return compared;
  } catch (error) {
    leftOut.push({
      what: 'PyHessian',
      why: error instanceof Error ? error.message : String(error),
    });
    return undefined;
  }
}

function workTable(samples: Samples): Table {
  return {
    caption: '',
    head: ['Work', 'time, ms', 'ratio', 'over'],
    rows: WORKS.map(([work, over]) => {
      const own = samples.get(work) ?? [];
      const ratio = over && pairedRatio(own, samples.get(over) ?? []);
      return [
        work,
        withQuartiles(summarize(own.flat())),
        ratio ? withRange(ratio) : '',
        over ?? '',
      ];
    }),
  };
}

function targetsOf(samples: Samples, title: string, backend: BackendName): Target[] {
  return WORKS.flatMap(([work, over, atMost]) => {
    // That of products was promised for TensorFlow’s library alone.
    if (!over || !atMost || (work === 'exact product' && backend !== 'tensorflow')) return [];
    const ratio = pairedRatio(samples.get(work) ?? [], samples.get(over) ?? []);
    const what = `${work} over ${over}, ${title}`;
    return [{ what, atMost, unit: '×', found: ratio.median, range: [ratio.min, ratio.max] }];
  });
}

function pyHessianTable(compared: Compared, backend: BackendName): Table {
  return {
    caption: `The same weights, batch and settings, all that is trained: the top eigenvalue by PyHessian’s rule (change below 1e-3, at most 100 products), and a trace of ${PROBES} probes. PyHessian keeps the graph of a single batch, and makes it anew for a loader’s, as \`${backend}\` does for both.`,
    head: ['', 'λ', 'products', 'ms a product', 'trace', 'standard error', 'ms a probe'],
    rows: compared.map(([name, times]) => [
      name,
      digits(times.lambda),
      String(times.products),
      digits(times.lambdaMs / times.products),
      digits(times.trace),
      digits(times.standardError),
      digits(times.traceMs / PROBES),
    ]),
  };
}
