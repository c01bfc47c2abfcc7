import { access, readdir, readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import * as z from 'zod';
import { NATIVE_NAMES, type NativeName } from '../../../shared/backends';
import { UserError } from '../../../shared/errors';

/** `installation.json` in the folder of a native backend: written last, so a half one has none. */
export const installationSchema = z.object({
  format: z.literal(1),
  name: z.enum(NATIVE_NAMES),
  source: z.enum(['wheel', 'official', 'npm', 'dir']),
  package: z.string(),
  version: z.string(),
  /** What the addon is, or runs on, e.g. `tensorflow_cpu 2.21.0`. */
  library: z.string(),
  /** Folder of the npm package; relative to the installation, or absolute. */
  packageFolder: z.string(),
  /** Unix time in milliseconds. */
  installedAt: z.number(),
});
export type Installation = z.output<typeof installationSchema>;

export const INSTALLATION_FILE = 'installation.json';

/**
 * Where native backends are installed: `$FLATSCAPE_BACKENDS`, which the extension sets to its own
 * storage, or else the user's cache.
 */
export function backendsFolder(env: NodeJS.ProcessEnv = process.env): string {
  if (env['FLATSCAPE_BACKENDS']) return resolve(env['FLATSCAPE_BACKENDS']);
  return join(env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'flatscape', 'backends');
}

/**
 * @returns `undefined` when the backend is not installed
 * @throws UserError `backend-installation-broken`
 */
export async function readInstallation(
  name: NativeName,
  folder = join(backendsFolder(), name),
): Promise<(Installation & { readonly folder: string }) | undefined> {
  const file = join(folder, INSTALLATION_FILE);
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw broken(name, file, error);
    const half = await readdir(folder).catch(() => []);
    if (half.length === 0) return undefined;
    throw broken(
      name,
      file,
      new Error(`a folder with half an installation: no ${INSTALLATION_FILE}`),
    );
  }
  try {
    const installation = installationSchema.parse(JSON.parse(text));
    const packageFolder = resolve(folder, installation.packageFolder);
    await readFile(join(packageFolder, 'package.json'));
    return { ...installation, packageFolder, folder };
  } catch (error) {
    throw broken(name, file, error);
  }
}

/** Whether a try to install it was not finished; the next one goes on with what is there. */
export function isUnfinished(name: NativeName): Promise<boolean> {
  return access(stagingFolder(name)).then(
    () => true,
    () => false,
  );
}

/** Where an installation grows. */
export function stagingFolder(name: NativeName): string {
  return join(backendsFolder(), `.installing-${name}`);
}

/** What a user can do about a native backend that is there and does not work. */
export function repairRemedy(name: NativeName): string {
  return `Run \`flatscape backends install ${name}\` (or the command Install Native Backend) to install it anew, or \`flatscape backends remove ${name}\`.`;
}

function broken(name: NativeName, file: string, cause: unknown): UserError {
  return new UserError(
    {
      code: 'backend-installation-broken',
      message: `the installation of ${name} is damaged`,
      place: { file },
      found: cause instanceof Error ? (cause.message.split('\n')[0] ?? '') : String(cause),
      remedy: repairRemedy(name),
    },
    { cause },
  );
}
