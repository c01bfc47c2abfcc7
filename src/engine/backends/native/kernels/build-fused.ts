import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { arch } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as z from 'zod';
import { describeError, isUserError } from '../../../../shared/errors';
import type { ToolCall } from '../tool';

export interface FusedBuild {
  /** Folder of the npm package, with TensorFlow's headers and libraries below `deps`. */
  readonly packageFolder: string;
  /** Folder with `include/node`. */
  readonly nodeHeaders: string;
  /** Runs a command, or throws what is wrong with it. */
  readonly runTool: (call: Pick<ToolCall, 'command' | 'args' | 'purpose'>) => Promise<string>;
}

/** Where an installation has the library of fused ops, if it could be built. */
export function fusedLibrary(packageFolder: string): string {
  return join(packageFolder, 'lib', 'flatscape.node');
}

/** What came of the build, beside the library. */
const recordSchema = z.object({
  /** The hash of what it was built from. */
  sources: z.string(),
  /** Why there is no library, in the words of the compiler. */
  problem: z.string().optional(),
});

/** @returns undefined where no build was tried */
export function fusedRecord(packageFolder: string): z.output<typeof recordSchema> | undefined {
  const file = recordFile(packageFolder);
  return existsSync(file) ? recordSchema.parse(JSON.parse(readFileSync(file, 'utf8'))) : undefined;
}

function recordFile(packageFolder: string): string {
  return join(packageFolder, 'lib', 'flatscape.json');
}

/** Builds the fused kernels; a backend without them is slower and as good, so why not is recorded. */
export async function buildFused(build: FusedBuild, signal?: AbortSignal): Promise<void> {
  let problem: string | undefined;
  try {
    await compile(build);
  } catch (error) {
    signal?.throwIfAborted();
    await rm(fusedLibrary(build.packageFolder), { force: true });
    problem = isUserError(error) ? describeError(error) : String(error);
  }
  const record = { sources: sourcesHash(), ...(problem !== undefined && { problem }) };
  await writeFile(recordFile(build.packageFolder), JSON.stringify(record));
}

/** Compiles the library of fused ops for every kind of processor that may load it. */
async function compile({ packageFolder, nodeHeaders, runTool }: FusedBuild): Promise<void> {
  const sources = fusedSources();
  const deps = join(packageFolder, 'deps');
  const objects = join(packageFolder, 'lib', 'flatscape-objects');
  await mkdir(objects, { recursive: true });
  const gcc = (args: readonly string[]) =>
    runTool({ command: 'gcc', args, purpose: 'compiling the fused kernels' });
  const variants = arch() === 'x64' ? X64_VARIANTS : PLAIN;
  const includes = [join(deps, 'include'), join(nodeHeaders, 'include', 'node')];
  const object = async (name: string, source: string, flags: readonly string[]) => {
    const to = join(objects, `${name}.o`);
    await gcc([...FLAGS, ...flags, '-c', join(sources, source), '-o', to]);
    return to;
  };
  const parts = [
    ...Object.entries(variants).map(([name, flags]) =>
      object(name, 'variant.c', [`-DVARIANT=${name}`, ...flags]),
    ),
    object('pool', 'pool.c', []),
    object('ops', 'ops.c', [
      ...includes.map((folder) => `-I${folder}`),
      ...(variants === X64_VARIANTS ? ['-DWITH_AVX'] : []),
    ]),
  ];
  const compiled = await Promise.all(parts);
  const libraries = ['cc', 'framework'].map((name) => `-l:libtensorflow_${name}.so.2`);
  await gcc([
    ...['-shared', '-pthread', ...compiled, `-L${join(deps, 'lib')}`, ...libraries],
    ...['-Wl,-rpath,$ORIGIN/../deps/lib', '-o', fusedLibrary(packageFolder)],
  ]);
  await rm(objects, { recursive: true });
}

/** No flag that changes what becomes of NaN and infinity. */
const FLAGS = [
  ...['-std=gnu11', '-O3', '-fPIC', '-fvisibility=hidden', '-pthread'],
  ...['-fopenmp-simd', '-fno-math-errno', '-fno-trapping-math'],
];

const AVX2 = ['-mavx2', '-mfma'];
const AVX512 = ['-mavx512f', '-mavx512bw', '-mavx512dq', '-mavx512vl'];
const PLAIN = { plain: [] };
const X64_VARIANTS = {
  ...PLAIN,
  avx2: AVX2,
  avx512: [...AVX2, ...AVX512, '-mprefer-vector-width=512'],
};

/** Of the sources that this release has. */
export function sourcesHash(): string {
  const folder = fusedSources();
  const hash = createHash('sha256');
  const files = readdirSync(folder).filter((file) => /\.[ch]$/.test(file));
  for (const file of files.sort()) hash.update(file).update(readFileSync(join(folder, file)));
  return hash.digest('hex').slice(0, 16);
}

/** Beside the bundle when shipped, beside this file when run from source. */
function fusedSources(): string {
  const here = dirname(fileURLToPath(import.meta.url));
  const shipped = join(here, 'kernels');
  return existsSync(join(shipped, 'ops.c')) ? shipped : here;
}
