import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import {
  access,
  mkdir,
  readdir,
  readFile,
  realpath,
  rename,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { arch, platform } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import * as z from 'zod';
import { NATIVE_BACKENDS } from '../../../shared/backends';
import { isUserError, UserError } from '../../../shared/errors';
import {
  megabytes,
  toolEnvironment,
  tooling,
  type InstallJob,
  type SourceInstall,
} from './install-job';
import { missing, runTool } from './tool';

/**
 * The library and headers out of TensorFlow's Python wheel, and the addon compiled against them.
 * Python is only needed while it is installed; any version will do, for only its C library is used.
 */
export function installWheel(job: InstallJob): SourceInstall {
  const { wheel } = NATIVE_BACKENDS[job.name];
  return {
    library: `${wheel.package} ${wheel.version}`,
    check: () => check(job),
    run: async () => {
      await job.staging.step('wheel', () => download(job));
      await job.staging.step('unpack', () => unpack(job));
      await job.staging.step('addon', () => compile(job));
    },
  };
}

async function check(job: InstallJob): Promise<void> {
  if (platform() !== 'linux' || job.name !== 'tensorflow')
    throw new UserError({
      code: 'source-unsupported',
      message: `the source \`wheel\` is not available for ${job.name} on ${platform()} ${arch()}`,
      remedy: 'Use `--source official`, or `--source dir` with a package that you built.',
    });
  for (const command of ['npm', 'make', 'g++', python()])
    await runTool({ command, args: ['--version'], purpose: `looking for ${command}` });
  await runTool({
    ...{ command: python(), args: ['-m', 'pip', '--version'], purpose: 'looking for pip' },
  });
}

/** As node-gyp chooses it. */
function python(): string {
  return process.env['PYTHON'] ?? 'python3';
}

const reportSchema = z.object({
  install: z.array(
    z.object({
      download_info: z.object({
        url: z.string(),
        archive_info: z.object({ hashes: z.object({ sha256: z.string() }) }),
      }),
    }),
  ),
});

/** Bytes of the wheel, for the progress only. */
const WHEEL_BYTES = 274e6;

/** Lets pip fetch the wheel, and compares it with the sha256 that the index lists. */
async function download(job: InstallJob): Promise<void> {
  const folder = join(job.staging.folder, 'wheel');
  const temporary = join(job.staging.folder, 'tmp');
  await rm(folder, { recursive: true, force: true });
  await rm(temporary, { recursive: true, force: true });
  await mkdir(temporary);
  const { wheel } = NATIVE_BACKENDS[job.name];
  const purpose = `downloading ${wheel.package} ${wheel.version}`;
  const pip = (args: readonly string[]) =>
    runTool({
      ...{ command: python(), purpose, watch: temporary, ...tooling(job) },
      args: [
        ...['-m', 'pip', ...args, '--no-deps', '--only-binary=:all:', '--retries', '2'],
        ...['--timeout', '30', '--disable-pip-version-check'],
        ...(job.index === undefined ? [] : ['--index-url', job.index]),
        `${wheel.package}==${wheel.version}`,
      ],
      // pip downloads into its temporary folder: what lies there is the progress.
      env: { ...process.env, TMPDIR: temporary },
      onBytes: (bytes) =>
        job.onProgress?.(
          `${purpose}: ${megabytes(bytes)}`,
          0.1 + 0.6 * Math.min(1, bytes / WHEEL_BYTES),
        ),
    });
  job.onProgress?.(purpose, 0.1);
  const tags = await fittingTags(pip, temporary);
  const promised = await promisedHash(temporary);
  await pip(['download', '--dest', folder, ...tags]);
  const file = (await readdir(folder)).find((name) => name.endsWith('.whl')) ?? '';
  const sha256 = createHash('sha256');
  await pipeline(createReadStream(join(folder, file)), sha256);
  const found = sha256.digest('hex');
  if (found !== promised)
    throw new UserError({
      code: 'checksum-mismatch',
      message: `${file} is not what the index promised`,
      expected: `sha256 ${promised}`,
      found,
      remedy: 'Try again; if it stays, the mirror or proxy changes files: use another.',
    });
}

/**
 * Asks what pip would take for its own Python, or else, since only the C library counts, for
 * others. The answer is left in `report.json`.
 * @returns the flags that make pip take it
 */
async function fittingTags(
  pip: (args: readonly string[]) => Promise<string>,
  folder: string,
): Promise<readonly string[]> {
  const others = ['3.13', '3.12', '3.11', '3.10'].map((version) => [
    ...['--python-version', version, '--implementation', 'cp'],
    ...['--platform', `manylinux_2_27_${arch() === 'arm64' ? 'aarch64' : 'x86_64'}`],
  ]);
  let refusal: unknown;
  for (const tags of [[], ...others]) {
    const report = ['--report', join(folder, 'report.json'), '--target', join(folder, 'none')];
    try {
      await pip(['install', '--dry-run', '--quiet', '--ignore-installed', ...report, ...tags]);
      return tags;
    } catch (error) {
      if (!isUserError(error) || error.code !== 'wheel-not-found') throw error;
      refusal ??= error;
    }
  }
  throw refusal;
}

async function promisedHash(folder: string): Promise<string> {
  const report = reportSchema.safeParse(
    JSON.parse(await readFile(join(folder, 'report.json'), 'utf8')),
  );
  const hash = report.data?.install[0]?.download_info.archive_info.hashes.sha256;
  if (hash !== undefined) return hash;
  throw new UserError({
    code: 'checksum-missing',
    message: 'the index lists no sha256 for the wheel, or pip is older than 23',
    remedy: 'Update pip (`python3 -m pip install --upgrade pip`), or use another index.',
  });
}

/** Headers to deps/include, the two libraries to deps/lib; the rest of the wheel is Python. */
const UNPACK = `
import os, shutil, sys, zipfile
wheel, deps = sys.argv[1:]
with zipfile.ZipFile(wheel) as archive:
    for name in archive.namelist():
        part = name[len('tensorflow/'):]
        if name.endswith('/') or not name.startswith('tensorflow/'): continue
        if part.startswith('include/'): target = os.path.join(deps, part)
        elif part.startswith('libtensorflow_'): target = os.path.join(deps, 'lib', part)
        else: continue
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with archive.open(name) as source, open(target, 'wb') as out:
            shutil.copyfileobj(source, out, 1 << 20)
`;

async function unpack(job: InstallJob): Promise<void> {
  job.onProgress?.('unpacking TensorFlow', 0.75);
  const folder = join(job.staging.folder, 'wheel');
  const [file] = await readdir(folder);
  const deps = join(job.packageFolder, 'deps');
  const fresh = `${deps}.new`;
  await rm(fresh, { recursive: true, force: true });
  await rm(deps, { recursive: true, force: true });
  await runTool({
    ...{ command: python(), args: ['-c', UNPACK, join(folder, file ?? ''), fresh] },
    ...{ purpose: 'unpacking TensorFlow', watch: fresh, ...tooling(job) },
  });
  const lib = join(fresh, 'lib');
  await symlink('libtensorflow_cc.so.2', join(lib, 'libtensorflow.so'));
  await symlink('libtensorflow_framework.so.2', join(lib, 'libtensorflow_framework.so'));
  // The package's scripts take a file of this name as a sign that nothing is to be downloaded.
  await writeFile(join(lib, 'libtensorflow.so.2.9.1'), 'installed by Flatscape from a wheel\n');
  await rename(fresh, deps);
  await rm(folder, { recursive: true });
  await rm(join(job.staging.folder, 'tmp'), { recursive: true, force: true });
}

async function compile(job: InstallJob): Promise<void> {
  job.onProgress?.('compiling the addon', 0.85);
  const env = toolEnvironment(job.staging.folder);
  const nodeGyp = await npmNodeGyp();
  await runTool({
    ...{ command: 'node-pre-gyp', args: ['install', '--build-from-source'] },
    ...{ purpose: 'compiling the addon', cwd: job.packageFolder, ...tooling(job) },
    env: {
      ...env,
      npm_config_nodedir: await headers(job),
      ...(nodeGyp !== undefined && { npm_config_node_gyp: nodeGyp }),
    },
  });
  await rm(join(job.staging.folder, 'headers'), { recursive: true, force: true });
  // 0.3 GB in 13,000 files, of no use any more.
  for (const part of ['deps/include', 'build'])
    await rm(join(job.packageFolder, part), { recursive: true, force: true });
}

/** A folder with include/node: this Node's own, or one that a package carries. */
async function headers(job: InstallJob): Promise<string> {
  const own = process.env['npm_config_nodedir'];
  const prefix = dirname(dirname(await realpath(process.execPath)));
  for (const folder of [own, prefix])
    if (folder !== undefined && (await exists(join(folder, 'include', 'node', 'node_api.h'))))
      return folder;
  const carrier = `node-${platform()}-${arch()}`;
  const folder = join(job.staging.folder, 'headers');
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'package.json'), '{"private":true}\n');
  await runTool({
    ...{
      command: 'npm',
      cwd: folder,
      purpose: 'downloading the headers of Node.js',
      watch: folder,
    },
    args: ['install', '--ignore-scripts', '--no-audit', `${carrier}@${process.versions.node}`],
    ...tooling(job),
  });
  return join(folder, 'node_modules', carrier);
}

/** npm carries node-gyp but does not put it on the PATH. */
async function npmNodeGyp(): Promise<string | undefined> {
  const folders = (process.env['PATH'] ?? '').split(':');
  for (const folder of folders) {
    const npm = await realpath(join(folder, 'npm')).catch(() => undefined);
    if (npm === undefined) continue;
    const script = resolve(dirname(npm), '../node_modules/node-gyp/bin/node-gyp.js');
    return (await exists(script)) ? script : undefined;
  }
  throw missing('npm');
}

function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}
