import { isNative, NATIVE_NAMES, type BackendName } from '../../src/shared/backends';
import type { Backend } from '../../src/engine/backends/backend';
import { readInstallation } from '../../src/engine/backends/native/installation';
import { notInstalled } from '../../src/engine/backends/native/native-backend';
import { BACKENDS } from '../../src/engine/backends/registry';

/**
 * What the engine's tests run on: those that `$FLATSCAPE_TEST_BACKENDS` names, or else cpu, wasm and
 * the TensorFlow that is installed where `$FLATSCAPE_BACKENDS`, or the user's cache, says. webgpu only
 * where it is named, for it also needs a driver (`npm run test:webgpu` brings one).
 * @throws UserError when a named one is not installed
 */
export async function testedBackends(): Promise<readonly Backend[]> {
  const named = process.env['FLATSCAPE_TEST_BACKENDS']?.split(',') as BackendName[] | undefined;
  for (const name of named ?? [])
    if (isNative(name) && !(await readInstallation(name))) throw notInstalled(name);
  if (named) return named.map((name) => BACKENDS[name]);
  const native = [];
  for (const name of NATIVE_NAMES)
    if (name !== 'webgpu' && (await readInstallation(name))) native.push(BACKENDS[name]);
  // One process can load one of them.
  return [BACKENDS.cpu, BACKENDS.wasm, ...native.slice(0, 1)];
}

/** For tests of properties that hold on any backend: a native one of those, or cpu. */
export async function fastestTested(): Promise<void> {
  const native = (await testedBackends()).find(({ name }) => isNative(name));
  await (native ?? BACKENDS.cpu).start();
}
