import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { arch, platform } from 'node:os';
import { join } from 'node:path';
import { NATIVE_BACKENDS } from '../../../shared/backends';
import { UserError } from '../../../shared/errors';
import type { InstallJob, SourceInstall } from './install-job';

/** A package that brings its addons for all machines: nothing more to download, the others go. */
export function installNpm(job: InstallJob<'webgpu'>): SourceInstall {
  const { package: npmPackage, version, integrity } = NATIVE_BACKENDS[job.name];
  const own = machineFolder();
  const binaries = join(job.packageFolder, 'dist');
  return {
    library: `Dawn for ${own}`,
    check: () => (MACHINES.includes(own) ? Promise.resolve() : Promise.reject(noBinary(own))),
    run: () =>
      job.staging.step('npm-binary', async () => {
        const found = await installedIntegrity(job);
        if (integrity !== undefined && found !== integrity)
          throw new UserError({
            code: 'checksum-mismatch',
            message: `${npmPackage} ${version} is not the package that Flatscape was tested with`,
            ...{ expected: integrity, found: found ?? 'none' },
            remedy:
              'Use another npm registry or mirror: this one has another package of that name.',
          });
        for (const folder of await readdir(binaries))
          if (folder !== own) await rm(join(binaries, folder), { recursive: true });
        await stat(join(binaries, own));
      }),
  };
}

/** What `webgpu` calls the machine in its folder `dist`. */
export function machineFolder(): string {
  return platform() === 'darwin' ? 'darwin-universal' : `${platform()}-${arch()}`;
}

const MACHINES = ['darwin-universal', 'linux-arm64', 'linux-x64', 'win32-arm64', 'win32-x64'];

/** Of the tarball, as npm has verified it. */
async function installedIntegrity({
  staging,
  name,
}: InstallJob<'webgpu'>): Promise<string | undefined> {
  const file = join(staging.folder, 'node_modules', '.package-lock.json');
  const lock = JSON.parse(await readFile(file, 'utf8')) as {
    packages?: Record<string, { integrity?: string } | undefined>;
  };
  return lock.packages?.[`node_modules/${NATIVE_BACKENDS[name].package}`]?.integrity;
}

function noBinary(found: string): UserError {
  return new UserError({
    code: 'backend-wrong-machine',
    message: 'webgpu has no addon for this machine',
    ...{ expected: MACHINES.join(', '), found },
    remedy: 'Use the backend tensorflow or wasm.',
  });
}
