import { mkdir, readdir, rm } from 'node:fs/promises';
import { arch } from 'node:os';
import { join } from 'node:path';
import * as z from 'zod';
import { isUserError } from '../../../shared/errors';
import { megabytes, tooling, type InstallJob } from './install-job';
import { runTool } from './tool';

/** As node-gyp chooses it. */
export function python(): string {
  return process.env['PYTHON'] ?? 'python3';
}

/** How much of the work is done before and after this wheel, by its bytes. */
export interface Share {
  readonly from: number;
  readonly to: number;
  readonly bytes: number;
}

/**
 * Lets pip fetch one wheel; pip compares it with the sha256 that the index lists.
 * @param requirement as pip takes it, e.g. `tensorflow_cpu==2.21.0`
 * @returns its file, in a folder that holds nothing else
 * @throws UserError `wheel-not-found`, `checksum-mismatch`, and the others of `runTool`
 */
export async function downloadWheel(
  job: InstallJob,
  requirement: string,
  share: Share,
): Promise<string> {
  let refusal: unknown;
  for (const tags of tagsToTry()) {
    try {
      return await download(job, requirement, { tags, share });
    } catch (error) {
      if (!isUserError(error) || error.code !== 'wheel-not-found') throw error;
      refusal ??= error;
    }
  }
  throw refusal;
}

async function download(
  job: InstallJob,
  requirement: string,
  { tags, share }: { tags: readonly string[]; share: Share },
): Promise<string> {
  const { folder } = job.staging;
  const [wheels, temporary] = [join(folder, 'wheel'), join(folder, 'tmp')];
  for (const place of [wheels, temporary]) await rm(place, { recursive: true, force: true });
  await mkdir(temporary);
  const purpose = `downloading ${requirement}`;
  let size = '';
  const show = (bytes: number): void => {
    const part = Math.min(1, bytes / share.bytes);
    const fraction = share.from + (share.to - share.from) * part;
    job.onProgress?.(`${purpose}: ${megabytes(bytes)}${size}`, fraction);
  };
  show(0);
  await runTool({
    ...{ command: python(), purpose, watch: temporary, ...tooling(job) },
    args: [
      ...['-m', 'pip', 'download', '--dest', wheels, '--no-deps', '--only-binary=:all:'],
      ...['--retries', '2', '--timeout', '30', '--disable-pip-version-check'],
      ...['--progress-bar', 'off', '--no-cache-dir', ...tags],
      ...(job.index === undefined ? [] : ['--index-url', job.index]),
      requirement,
    ],
    // pip downloads into its temporary folder: what lies there is the progress.
    env: { ...process.env, TMPDIR: temporary },
    onBytes: show,
    onOutput: (text) => {
      const told = /Downloading \S+ \(([\d.]+ [kMG]B)\)/.exec(text)?.[1];
      if (told !== undefined) size = ` of ${told}`;
    },
  });
  await rm(temporary, { recursive: true, force: true });
  const file = (await readdir(wheels)).find((name) => name.endsWith('.whl')) ?? '';
  return join(wheels, file);
}

/** For pip's own Python, or else, since only the C library counts, for others. */
function tagsToTry(): readonly (readonly string[])[] {
  const machine = arch() === 'arm64' ? 'aarch64' : 'x86_64';
  // pip takes these names as they are: a newer one does not stand for the older ones.
  const systems = ['_2_28', '_2_27', '_2_25', '_2_17', '2014', '2010', '1'];
  const platforms = systems.flatMap((version) => ['--platform', `manylinux${version}_${machine}`]);
  const others = ['3.13', '3.12', '3.11', '3.10'].map((version) => [
    ...['--python-version', version, '--implementation', 'cp'],
    ...platforms,
  ]);
  return [[], ...others];
}

const UNPACK = `
import json, os, shutil, sys, zipfile
wheel, deps = sys.argv[1:]
def target(name):
    if name.startswith('tensorflow/include/'): return name[len('tensorflow/'):]
    if name.startswith('tensorflow/libtensorflow_'): return 'lib/' + name[len('tensorflow/'):]
    if name.startswith('nvidia/') and '/include/' not in name and not name.endswith(('.a', '.py')): return name
with zipfile.ZipFile(wheel) as archive:
    requires = []
    for name in archive.namelist():
        if name.endswith('.dist-info/METADATA'):
            lines = archive.read(name).decode('utf8').splitlines()
            requires += [line.split(':', 1)[1].strip() for line in lines if line.startswith('Requires-Dist:')]
        if name.endswith('/') or target(name) is None: continue
        path = os.path.join(deps, target(name))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with archive.open(name) as source, open(path, 'wb') as out:
            shutil.copyfileobj(source, out, 1 << 20)
    print(json.dumps(requires))
`;

/**
 * Unpacks what a native backend needs: TensorFlow's headers to `include`, its two libraries to `lib`,
 * NVIDIA's to `nvidia`, where TensorFlow's looks for them (its RUNPATH says `$ORIGIN/../nvidia/…/lib`,
 * and theirs name each other), so that no library path has to be set. The rest is Python.
 * @returns the other packages that its metadata names, with version and conditions
 */
export async function unpackWheel(
  job: InstallJob,
  file: string,
  deps: string,
): Promise<readonly string[]> {
  await mkdir(deps, { recursive: true });
  const answer = await runTool({
    ...{ command: python(), args: ['-c', UNPACK, file, deps], purpose: 'unpacking TensorFlow' },
    ...{ watch: deps, ...tooling(job) },
  });
  await rm(file);
  return z.array(z.string()).parse(JSON.parse(answer));
}

/** The `nvidia-…` packages under TensorFlow's extra `and-cuda`, as pip takes them. */
export function cudaRequirements(requires: readonly string[]): string[] {
  return requires
    .filter((line) => line.startsWith('nvidia-') && /extra\s*==\s*["']and-cuda["']/.test(line))
    .map((line) => (line.split(';')[0] ?? '').replace(/[\s()]/g, ''));
}
