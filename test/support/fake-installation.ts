import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach } from 'vitest';
import { NATIVE_BACKENDS, type NativeName } from '../../src/shared/backends';
import type { Installation } from '../../src/engine/backends/native/installation';

/** A folder that looks installed, whose package is the one line given. */
export async function fakeInstallation(
  folder: string,
  name: NativeName,
  main: string,
): Promise<void> {
  const packageFolder = join(folder, name, 'package');
  await mkdir(packageFolder, { recursive: true });
  const { package: npmPackage, version } = NATIVE_BACKENDS[name];
  const manifest = { name: npmPackage, version, main: 'index.js' };
  await writeFile(join(packageFolder, 'package.json'), JSON.stringify(manifest));
  await writeFile(join(packageFolder, 'index.js'), main);
  const installation: Installation = {
    ...{ format: 1, name, version, source: 'dir', package: npmPackage },
    ...{ library: 'none', packageFolder: 'package', installedAt: 0 },
  };
  await writeFile(join(folder, name, 'installation.json'), JSON.stringify(installation));
}

/** Makes a folder the place of installations until the end of the test. */
export function inFolder(folder: string): void {
  const before = process.env['FLATSCAPE_BACKENDS'];
  process.env['FLATSCAPE_BACKENDS'] = folder;
  restore ??= before ?? '';
}

let restore: string | undefined;
afterEach(() => {
  if (restore === undefined) return;
  if (restore === '') delete process.env['FLATSCAPE_BACKENDS'];
  else process.env['FLATSCAPE_BACKENDS'] = restore;
  restore = undefined;
});
