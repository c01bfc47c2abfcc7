import { access, mkdir, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { arch, platform } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import * as z from 'zod';
import { NATIVE_BACKENDS } from '../../../shared/backends';
import { UserError } from '../../../shared/errors';
import { toolEnvironment, tooling, type InstallJob, type SourceInstall } from './install-job';
import { buildFused } from './kernels/build-fused';
import { missing, runTool } from './tool';
import { cudaRequirements, downloadWheel, python, unpackWheel, type Share } from './wheels';

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
      await fillDeps(job);
      await job.staging.step('addon', () => compile(job));
    },
  };
}

/** Bytes to download, for the progress only. */
const CPU_BYTES = 274e6;
const GPU_BYTES = { tensorflow: 572e6, cuda: 2807e6 };

/** One wheel after the other, so that a later try has none of them to fetch twice. */
async function fillDeps(job: InstallJob): Promise<void> {
  const { wheel } = NATIVE_BACKENDS[job.name];
  const gpu = job.name === 'tensorflow-gpu';
  const requires = join(job.staging.folder, 'requires.json');
  await job.staging.step('wheel', async () => {
    const share = { from: 0.1, to: gpu ? 0.2 : 0.7, bytes: gpu ? GPU_BYTES.tensorflow : CPU_BYTES };
    const found = await fetchWheel(job, `${wheel.package}==${wheel.version}`, share);
    await writeFile(requires, JSON.stringify(gpu ? cudaRequirements(found) : []));
  });
  const cuda = z.array(z.string()).parse(JSON.parse(await readFile(requires, 'utf8')));
  for (const [i, requirement] of cuda.entries()) {
    const at = (part: number) => 0.2 + (0.6 * part) / cuda.length;
    const share = { from: at(i), to: at(i + 1), bytes: GPU_BYTES.cuda / cuda.length };
    await job.staging.step(
      requirement,
      async () => void (await fetchWheel(job, requirement, share)),
    );
  }
  await job.staging.step('links', () => link(job));
}

async function fetchWheel(job: InstallJob, requirement: string, share: Share) {
  const file = await downloadWheel(job, requirement, share);
  job.onProgress?.(`unpacking ${requirement}`, share.to);
  return unpackWheel(job, file, join(job.packageFolder, 'deps'));
}

async function check(job: InstallJob): Promise<void> {
  if (platform() !== 'linux')
    throw new UserError({
      code: 'source-unsupported',
      message: `the source \`wheel\` is not available for ${job.name} on ${platform()} ${arch()}`,
      remedy: 'Use `--source official`, or `--source dir` with a package that you built.',
    });
  // Gigabytes that nothing here could use.
  if (job.name === 'tensorflow-gpu' && !job.withoutGpu && !(await hasNvidiaDriver()))
    throw new UserError({
      code: 'backend-no-gpu',
      message: 'no driver of an NVIDIA GPU is loaded on this machine',
      expected: DRIVER_SIGNS.join(' or '),
      remedy: 'Install the driver (`nvidia-smi` then lists the card), or the backend tensorflow.',
    });
  for (const command of ['npm', 'make', 'g++', python()])
    await runTool({ command, args: ['--version'], purpose: `looking for ${command}` });
  await runTool({
    ...{ command: python(), args: ['-m', 'pip', '--version'], purpose: 'looking for pip' },
  });
}

/** The names under which the addon asks for the libraries. */
async function link(job: InstallJob): Promise<void> {
  const lib = join(job.packageFolder, 'deps', 'lib');
  for (const [name, target] of [
    ['libtensorflow.so', 'libtensorflow_cc.so.2'],
    ['libtensorflow_framework.so', 'libtensorflow_framework.so.2'],
  ] as const) {
    await rm(join(lib, name), { force: true });
    await symlink(target, join(lib, name));
  }
  // The package's scripts take a file of this name as a sign that nothing is to be downloaded.
  await writeFile(join(lib, 'libtensorflow.so.2.9.1'), 'installed by Flatscape from a wheel\n');
  await rm(join(job.staging.folder, 'wheel'), { recursive: true, force: true });
}

async function compile(job: InstallJob): Promise<void> {
  job.onProgress?.('compiling the addon', 0.85);
  const env = toolEnvironment(job.staging.folder);
  const nodeGyp = await npmNodeGyp();
  const nodeHeaders = await headers(job);
  await runTool({
    ...{ command: 'node-pre-gyp', args: ['install', '--build-from-source'] },
    ...{ purpose: 'compiling the addon', cwd: job.packageFolder, ...tooling(job) },
    env: {
      ...env,
      npm_config_nodedir: nodeHeaders,
      ...(nodeGyp !== undefined && { npm_config_node_gyp: nodeGyp }),
    },
  });
  if (job.name === 'tensorflow') {
    const build = { packageFolder: job.packageFolder, nodeHeaders };
    const run: typeof runTool = (call) => runTool({ ...call, ...tooling(job) });
    await buildFused({ ...build, runTool: run }, job.signal);
  }
  await rm(join(job.staging.folder, 'headers'), { recursive: true, force: true });
  // 0.3 GB in 13,000 files, of no use any more.
  for (const part of ['deps/include', 'build'])
    await rm(join(job.packageFolder, part), { recursive: true, force: true });
}

/** The driver's own, and that of Windows' Linux. */
const DRIVER_SIGNS = ['/proc/driver/nvidia/version', '/dev/nvidiactl', '/dev/dxg'];

async function hasNvidiaDriver(): Promise<boolean> {
  return (await Promise.all(DRIVER_SIGNS.map(exists))).includes(true);
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
