import { mkdir, readFile, realpath, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { NATIVE_BACKENDS, type NativeName } from '../../../shared/backends';
import { UserError } from '../../../shared/errors';
import { tooling, type InstallJob, type InstallOptions, type SourceInstall } from './install-job';
import { installNpm } from './install-npm';
import { installOfficial } from './install-official';
import { installWheel } from './install-wheel';
import {
  backendsFolder,
  INSTALLATION_FILE,
  readInstallation,
  stagingFolder,
  type Installation,
} from './installation';
import { fusedRecord, sourcesHash } from './kernels/build-fused';
import { probeBackend, type Verdict } from './probe';
import { openStaging, type Staging } from './staging';
import { runTool } from './tool';
import { forgetVerdicts } from './verdicts';

/**
 * Installs a native backend and proves it, beside the one that is there, which it replaces only then.
 * After a failure or a cancel the next call goes on with what was finished.
 * @throws UserError of `runTool`, `tool-missing`, `backend-self-test-failed`, `install-running`,
 *   `backend-directory-wrong`, `backend-source-wrong`; the signal's reason when aborted
 */
export async function installBackend(options: InstallOptions): Promise<Installation> {
  const { name, source } = options;
  const { package: npmPackage, version, sources } = NATIVE_BACKENDS[name];
  if (!sources.includes(source)) throw wrongSource(options);
  const root = backendsFolder();
  const key = JSON.stringify([
    source,
    npmPackage,
    version,
    NATIVE_BACKENDS[name].wheel,
    options.index,
  ]);
  const staging = await openStaging(stagingFolder(name), key);
  let keep = true;
  try {
    const part = source === 'dir' ? await useDirectory(options) : await build(options, staging);
    options.signal?.throwIfAborted();
    const installation: Installation = {
      ...{
        format: 1,
        name,
        source,
        package: npmPackage,
        version,
        ...part,
        installedAt: Date.now(),
      },
    };
    const text = `${JSON.stringify(installation, undefined, 2)}\n`;
    await writeFile(join(staging.folder, INSTALLATION_FILE), text);
    options.onProgress?.('testing it', 0.95);
    const verdict = await prove(options, staging);
    options.signal?.throwIfAborted();
    keep = verdict.ok;
    if (!verdict.ok) throw selfTestFailed(name, verdict.reason);
    await staging.finish(join(root, name));
    await forgetVerdicts(name);
    return installation;
  } finally {
    if (keep) await staging.close();
    else await staging.discard();
  }
}

/** @returns whether there was one */
export async function removeBackend(name: NativeName): Promise<boolean> {
  const folder = join(backendsFolder(), name);
  const there = await stat(folder).then(
    () => true,
    () => false,
  );
  await rm(folder, { recursive: true, force: true });
  await rm(stagingFolder(name), { recursive: true, force: true });
  await forgetVerdicts(name);
  return there;
}

/** Whether an installation is the versions that this release would install. */
export async function isCurrent(name: NativeName): Promise<boolean> {
  const installation = await readInstallation(name);
  const { version, wheel } = NATIVE_BACKENDS[name];
  if (installation?.version !== version) return false;
  if (installation.source !== 'wheel') return true;
  const fused =
    name !== 'tensorflow' || fusedRecord(installation.packageFolder)?.sources === sourcesHash();
  return fused && installation.library.endsWith(` ${wheel?.version}`);
}

function sourceInstall(job: InstallJob<NativeName>): SourceInstall {
  const { name } = job;
  if (name === 'webgpu') return installNpm({ ...job, name });
  const own = { ...job, name };
  return job.source === 'wheel' ? installWheel(own) : installOfficial(own);
}

type Part = Pick<Installation, 'library' | 'packageFolder'>;

async function build(options: InstallOptions, staging: Staging): Promise<Part> {
  const { package: npmPackage, version } = NATIVE_BACKENDS[options.name];
  const job = {
    ...options,
    staging,
    packageFolder: join(staging.folder, 'node_modules', npmPackage),
  };
  const install = sourceInstall(job);
  await install.check();
  await staging.step('npm', async () => {
    options.onProgress?.(`downloading ${npmPackage}`, 0.02);
    await writeFile(join(staging.folder, 'package.json'), '{"private":true}\n');
    await runTool({
      ...{ command: 'npm', purpose: `downloading ${npmPackage}`, cwd: staging.folder },
      args: [
        ...['install', `${npmPackage}@${version}`, '--ignore-scripts', '--no-audit', '--no-fund'],
        ...['--fetch-retries=2', '--fetch-timeout=30000', '--loglevel=error'],
      ],
      watch: staging.folder,
      ...tooling(options),
    });
  });
  await install.run();
  return { library: install.library, packageFolder: join('node_modules', npmPackage) };
}

async function useDirectory({ name, directory }: InstallOptions): Promise<Part> {
  const { package: npmPackage } = NATIVE_BACKENDS[name];
  if (directory === undefined)
    throw new UserError({
      code: 'backend-directory-wrong',
      message: 'the source `dir` needs a folder',
      remedy: 'Name it with `--dir`.',
    });
  const candidates = [directory, join(directory, 'node_modules', npmPackage)];
  for (const candidate of candidates) {
    const text = await readFile(resolve(candidate, 'package.json'), 'utf8').catch(() => '{}');
    const manifest = JSON.parse(text) as { name?: unknown; version?: unknown };
    if (manifest.name !== npmPackage) continue;
    return {
      library: `as found (${String(manifest.version)})`,
      packageFolder: await realpath(candidate),
    };
  }
  throw new UserError({
    code: 'backend-directory-wrong',
    message: `the folder does not hold ${npmPackage}`,
    place: { file: directory },
    expected: `the package itself, or a folder with node_modules/${npmPackage}`,
  });
}

/** The child looks for `NAME/installation.json` in a folder; the work lies elsewhere, so it is linked. */
async function prove(options: InstallOptions, staging: Staging): Promise<Verdict> {
  const folder = join(staging.folder, '..', 'probe');
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder);
  await symlink(staging.folder, join(folder, options.name), 'junction');
  const { engineScript, signal } = options;
  return probeBackend(options.name, {
    folder,
    ...(signal && { signal }),
    ...(engineScript !== undefined && { engineScript }),
  });
}

function wrongSource({ name, source }: InstallOptions): UserError {
  return new UserError({
    code: 'backend-source-wrong',
    message: `${name} cannot be installed from the source ${source}`,
    expected: NATIVE_BACKENDS[name].sources.join(' or '),
    found: source,
  });
}

function selfTestFailed(name: NativeName, reason: string): UserError {
  return new UserError({
    code: 'backend-self-test-failed',
    message: `${name} was installed but does not work here, and was taken away again`,
    found: reason,
    remedy: `Mend that, or try another source (${NATIVE_BACKENDS[name].sources.map((source) => `\`--source ${source}\``).join(', ')}).`,
  });
}
