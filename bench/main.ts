import { Command, InvalidArgumentError } from 'commander';
import { spawnSync } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { availableParallelism, loadavg } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { version_core } from '@tensorflow/tfjs-core';
import { writeFileAtomic } from '../src/engine/formats/atomic-file';
import { backendReport } from '../src/engine/backends/native/report';
import type { BackendEntry, BackendReport } from '../src/shared/backend-report';
import { BACKEND_NAMES, isNative, type BackendName } from '../src/shared/backends';
import { version } from '../package.json';
import { killContenders, startTorch, type TorchOptions } from './contender';
import { createContext, EFFORTS, type Context } from './context';
import { benchMarkdown } from './markdown';
import { MODELS, type ModelName } from './models';
import {
  SECTIONS,
  type BenchReport,
  type LeftOut,
  type SectionId,
  type SectionReport,
} from './report';
import { algebraSection } from './sections/algebra';
import { coldStartSection } from './sections/cold-start';
import { landscapeSection } from './sections/landscape';
import { leakSection } from './sections/leak';
import { methodsSection } from './sections/methods';
import { productsSection } from './sections/products';
import { stepTimeSections } from './sections/step-time';

// Entry of `npm run bench`: asks the contenders, one process each, and writes what they measured.

const ROOT = resolve(import.meta.dirname, '../../..');

interface Flags {
  readonly quick?: boolean;
  readonly only?: SectionId[];
  readonly backends?: BackendName[];
  readonly models?: ModelName[];
  readonly gpu?: boolean;
  readonly python?: string;
  readonly out?: string;
  readonly json?: string;
}

/** On two cores with `tensorflow` and PyTorch there; what is said before anything starts. */
const MINUTES: Readonly<Record<SectionId, number>> = {
  ...{
    steps: 1.6,
    pytorch: 1.5,
    methods: 2.4,
    products: 0.8,
    algebra: 0.8,
    start: 0.5,
    leak: 1,
    landscape: 2.5,
  },
};
const QUICK = 0.2;

const REAL_MODELS: readonly ModelName[] = ['minilm', 'bert-base'];

async function main(): Promise<number> {
  const started = Date.now();
  const flags = parseFlags();
  const effort = EFFORTS[flags.quick ? 'quick' : 'full'];
  const sections = new Set(flags.only ?? SECTIONS);
  const models = flags.models ?? (flags.quick ? REAL_MODELS.slice(0, 1) : REAL_MODELS);
  const out = outFile(flags);
  const loadBefore = loadavg()[0] ?? 0;
  const minutes = [...sections].reduce((sum, id) => sum + MINUTES[id], 0);
  const expected = Math.ceil((flags.quick ? QUICK : 1) * minutes);
  console.log(
    `${[...sections].join(', ')}: about ${expected} minutes on two quiet cores; the result goes to ${relative(process.cwd(), out)}`,
  );

  const leftOut: LeftOut[] = [];
  const engineScript = join(import.meta.dirname, 'engine.js');
  const found = await backendReport({ engineScript, onProgress: progress });
  const backends = workingBackends(found, flags, leftOut);
  if (backends.length === 0) throw new Error('No backend that was asked for works here.');
  const wanted = sections.has('pytorch') || sections.has('landscape');
  const torch = wanted ? await findTorch(flags, leftOut) : undefined;
  const context = await createContext({
    ...{ effort, sections, backends, models, engineScript, progress },
    ...(torch && { torch: torch.options }),
  });
  try {
    const results = await runSections(context, leftOut);
    const report: BenchReport = {
      command: [
        'npm run bench',
        ...(process.argv.length > 2 ? ['--', ...process.argv.slice(2)] : []),
      ].join(' '),
      date: new Date(started).toISOString(),
      minutes: (Date.now() - started) / 60_000,
      loadBefore,
      machine: found.machine,
      cards: cards(),
      versions: { ...ownVersions(found, backends), ...torch?.versions },
      sections: results,
      leftOut,
    };
    await mkdir(dirname(out), { recursive: true });
    await writeFileAtomic(out, benchMarkdown(report));
    if (flags.json !== undefined)
      await writeFileAtomic(resolve(flags.json), `${JSON.stringify(report)}\n`);
    console.log(`\n${benchMarkdown(report)}\nWritten to ${relative(process.cwd(), out)}`);
    return leftOut.some(({ what }) => what.startsWith('section')) ? 1 : 0;
  } finally {
    killContenders();
    await context.dispose();
  }
}

/** One after the other; one that fails is left out, with the reason, and makes the exit code 1. */
async function runSections(context: Context, leftOut: LeftOut[]): Promise<SectionReport[]> {
  const { sections } = context;
  const results: SectionReport[] = [];
  const runs: readonly [SectionId[], (c: Context) => Promise<SectionReport | SectionReport[]>][] = [
    [['steps', 'pytorch'], stepTimeSections],
    [['methods'], methodsSection],
    [['products'], productsSection],
    [['algebra'], algebraSection],
    [['start'], coldStartSection],
    [['leak'], leakSection],
    [['landscape'], landscapeSection],
  ];
  for (const [ids, run] of runs) {
    const wanted = ids.filter((id) => sections.has(id));
    if (wanted.length === 0) continue;
    try {
      results.push(...[await run(context)].flat());
    } catch (error) {
      killContenders();
      const why = error instanceof Error ? error.message : String(error);
      console.error(`${wanted.join(', ')} failed: ${why}`);
      leftOut.push({ what: `section ${wanted.join(', ')}`, why });
    }
  }
  return results;
}

function workingBackends(
  { backends }: BackendReport,
  { backends: asked, gpu }: Flags,
  leftOut: LeftOut[],
): BackendName[] {
  const wanted = asked ?? (gpu ? BACKEND_NAMES.filter(isForGpu) : BACKEND_NAMES);
  // One that works and has a reason is taken only by whoever names it: a GPU in software.
  const isTaken = ({ name, state, reason }: BackendEntry): boolean =>
    state === 'works' && (reason === undefined || asked?.includes(name) === true);
  for (const entry of backends)
    if (wanted.includes(entry.name) && !isTaken(entry))
      leftOut.push({ what: `\`${entry.name}\``, why: entry.reason ?? entry.state });
  const works = backends.filter((entry) => wanted.includes(entry.name) && isTaken(entry));
  const measured = works.map(({ name }) => name);
  console.log(`backends: ${measured.join(', ') || 'none'}`);
  for (const { what, why } of leftOut) console.log(`left out: ${what}: ${why}`);
  return measured;
}

/** `wasm` and `tensorflow` beside them would take most of the time, and tell nothing new. */
function isForGpu(name: string): boolean {
  return name === 'tensorflow-gpu' || name === 'webgpu';
}

async function findTorch(flags: Flags, leftOut: LeftOut[]) {
  const python = flags.python ?? process.env['FLATSCAPE_BENCH_PYTHON'];
  if (python === undefined) {
    const why =
      'no Python environment; `npm run bench` makes one with `test/reference/venv.sh`, which needs python3, bash and pip';
    leftOut.push({ what: 'PyTorch + PEFT', why });
    return undefined;
  }
  const device = flags.gpu ? ('cuda' as const) : ('cpu' as const);
  const options: TorchOptions = { python, device, threads: availableParallelism() };
  try {
    const contender = await startTorch('PyTorch + PEFT', options);
    await contender.close();
    return { options, versions: contender.versions };
  } catch (error) {
    leftOut.push({
      what: 'PyTorch + PEFT',
      why: error instanceof Error ? error.message : String(error),
    });
    return undefined;
  }
}

function ownVersions({ machine, backends }: BackendReport, measured: readonly BackendName[]) {
  const libraries = backends.flatMap(({ name, installation }): [string, string][] =>
    isNative(name) && measured.includes(name) && installation ? [[name, installation.library]] : [],
  );
  return {
    ...{ Flatscape: version, Node: machine.node, 'TensorFlow.js': version_core },
    ...Object.fromEntries(libraries.map(([name, library]) => [`\`${name}\` on`, library])),
  };
}

function cards(): string[] {
  const query = ['--query-gpu=name,driver_version', '--format=csv,noheader'];
  const { status, stdout } = spawnSync('nvidia-smi', query, { encoding: 'utf8' });
  return status === 0 ? stdout.trim().split('\n') : [];
}

/** `docs/benchmarks.md` is for whole runs only. */
function outFile({ out, quick, only, backends, models, gpu }: Flags): string {
  if (out !== undefined) return resolve(out);
  const name = gpu ? 'benchmarks-gpu.md' : 'benchmarks.md';
  const whole = !quick && !only && !backends && !models;
  return join(ROOT, whole ? 'docs' : 'build/bench', name);
}

function parseFlags(): Flags {
  return new Command('npm run bench --')
    .description('Measures, in one run, and writes docs/benchmarks.md from it.')
    .option('--quick', 'few and short rounds on the small model: for a look, not for the record')
    .option('--only <sections>', `of ${SECTIONS.join(',')}`, oneOf<SectionId>(SECTIONS))
    .option(
      '--backends <names>',
      `of ${BACKEND_NAMES.join(',')}`,
      oneOf<BackendName>(BACKEND_NAMES),
    )
    .option(
      '--models <names>',
      `of ${REAL_MODELS.join(',')}`,
      oneOf<ModelName>(Object.keys(MODELS)),
    )
    .option('--gpu', 'the backends that use a graphics card, and PyTorch on CUDA')
    .option('--python <path>', 'interpreter that has torch, transformers and peft')
    .option('--out <file>', 'instead of docs/benchmarks.md; runs of a part go to build/bench')
    .option('--json <file>', 'also write the raw samples')
    .parse()
    .opts<Flags>();
}

/** A comma-separated list of what is allowed. */
function oneOf<T extends string>(allowed: readonly string[]): (text: string) => T[] {
  return (text) => {
    const names = text.split(',');
    const wrong = names.find((name) => !allowed.includes(name));
    if (wrong !== undefined)
      throw new InvalidArgumentError(`${wrong} is not one of ${allowed.join(', ')}.`);
    return names as T[];
  };
}

function progress(message: string): void {
  console.log(`  ${message}`);
}

for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.on(signal, () => {
    killContenders();
    process.exit(130);
  });

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    killContenders();
    process.exit(1);
  },
);
