import { fastBackends, type Context } from '../context';
import type { TorchOptions } from '../contender';
import { digits, megabytes, withQuartiles, withRange } from '../markdown';
import { MODELS } from '../models';
import type { LeftOut, SectionReport, Target } from '../report';
import { bestOfRounds, pairedRatio, summarize } from '../statistics';
import { ATTENTION, isTorch, race, SAME_LATER_LOSS, SAME_LOSS, type Race } from './race';

/** Sections 1 and 2: step time by backend, and against PyTorch + PEFT, in the same rounds. */
export async function stepTimeSections(context: Context): Promise<SectionReport[]> {
  const { sections, models, effort, backends } = context;
  const leftOut: LeftOut[] = [];
  const races: Race[] = [];
  for (const model of models)
    for (const dropout of effort.dropouts) {
      const names = sections.has('steps')
        ? fastBackends(context)
        : fastBackends(context).slice(0, 1);
      const torch = sections.has('pytorch') ? context.torch : undefined;
      races.push(await race(context, { model, dropout, names, torch }, leftOut));
    }
  const tiny =
    sections.has('steps') && backends.includes('cpu')
      ? [
          await race(
            context,
            { model: 'tiny', dropout: 0, names: backends, torch: undefined },
            leftOut,
          ),
        ]
      : [];
  return [
    ...(sections.has('steps') ? [byBackend([...races, ...tiny], leftOut)] : []),
    ...(sections.has('pytorch') && context.torch ? [againstTorch(races, context.torch)] : []),
  ];
}

function byBackend(races: readonly Race[], leftOut: readonly LeftOut[]): SectionReport {
  const rows = races.flatMap(({ model, dropout, samples, memory }) => {
    const engines = [...samples].filter(([name]) => !isTorch(name));
    const [fastest] = engines;
    return engines.map(([name, own]) => [
      MODELS[model].title,
      String(dropout),
      name,
      withQuartiles(summarize(own.flat())),
      fastest && fastest[0] !== name ? withRange(pairedRatio(own, fastest[1])) : '1',
      megabytes(memory.get(name)?.peakRss ?? NaN),
    ]);
  });
  const targets = races.flatMap(({ model, dropout, samples }): Target[] => {
    const [wasm, native] = [samples.get('wasm'), samples.get('tensorflow')];
    if (!wasm || !native || model === 'tiny') return [];
    const ratio = pairedRatio(wasm, native);
    return [
      {
        what: `\`wasm\` step over \`tensorflow\` step, ${MODELS[model].title}, dropout ${dropout}`,
        ...{ atMost: 6, unit: '×', found: ratio.median, range: [ratio.min, ratio.max] },
      },
    ];
  });
  return {
    id: 'steps',
    title: 'Step time by backend',
    notes: [
      'Method `lora`, r 8 on query and value, per-layer quantities not recorded; rows × tokens behind the model.',
      'Peak memory is the resident set’s high-water mark of the process.',
    ],
    tables: [
      {
        caption: '',
        head: ['Model', 'dropout', 'backend', 'step, ms', 'times the fastest', 'peak memory'],
        rows,
      },
    ],
    targets,
    leftOut,
    samples: raw(races),
  };
}

function againstTorch(races: readonly Race[], torch: TorchOptions): SectionReport {
  const compared = races.flatMap(({ model, dropout, samples, memory, lossDifference }) => {
    const torches = [...samples].filter(([name]) => isTorch(name));
    if (torches.length === 0) return [];
    const best = bestOfRounds(torches.map(([, own]) => own));
    const peak = Math.max(...torches.map(([name]) => memory.get(name)?.peakRss ?? NaN));
    return [...samples]
      .filter(([name]) => !isTorch(name))
      .map(([name, own]) => {
        const ratio = pairedRatio(best, own);
        return { model, dropout, torches, name, own, ratio, peak, lossDifference };
      });
  });
  const where =
    torch.device === 'cuda' ? 'on the same card, float32 without TF32' : `${torch.threads} threads`;
  return {
    id: 'pytorch',
    title: 'Against PyTorch + PEFT',
    notes: [
      `Same weights, adapter, batches, optimizer and clipping; ${where}. The best of eager and sdpa attention counts,`,
      'in each round. Before any time counted, both sides agreed on the loss of the first batch without dropout',
      `within ${SAME_LOSS} relative, and, where dropout is 0, on the losses of the first three steps within ${SAME_LATER_LOSS}.`,
    ],
    tables: [
      {
        caption: '',
        head: [
          'Model',
          'dropout',
          'backend',
          'its step, ms',
          ...ATTENTION.map((a) => `PyTorch ${a}, ms`),
          'times PyTorch’s throughput',
          'PyTorch’s peak memory',
          'first loss differs by',
          'first three steps’',
        ],
        rows: compared.map(
          ({ model, dropout, torches, name, own, ratio, peak, lossDifference }) => [
            MODELS[model].title,
            String(dropout),
            name,
            withQuartiles(summarize(own.flat())),
            ...ATTENTION.map((a) => {
              const theirs = torches.find(([torchName]) => torchName.endsWith(a))?.[1];
              return theirs ? withQuartiles(summarize(theirs.flat())) : '–';
            }),
            withRange(ratio),
            megabytes(peak),
            lossDifference ? lossDifference.first.toExponential(1) : '–',
            lossDifference && dropout === 0 ? lossDifference.later.toExponential(1) : '–',
          ],
        ),
      },
    ],
    targets: compared
      .filter(({ name }) => name === 'tensorflow')
      .map(({ model, dropout, ratio }) => ({
        what: `\`tensorflow\` throughput over PyTorch + PEFT, ${MODELS[model].title}, dropout ${dropout}`,
        ...{ atLeast: 1.5, unit: '×', found: ratio.median, range: [ratio.min, ratio.max] as const },
      })),
    leftOut: [],
    samples: raw(races),
  };
}

/** Milliseconds by model, dropout, contender and round. */
function raw(races: readonly Race[]): Record<string, unknown> {
  return Object.fromEntries(
    races.map(({ model, dropout, samples }) => [
      `${model}, dropout ${dropout}`,
      Object.fromEntries(
        [...samples].map(([name, own]) => [
          name,
          own.map((r) => r.map((ms) => Number(digits(ms)))),
        ]),
      ),
    ]),
  );
}
