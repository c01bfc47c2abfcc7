import { NATIVE_NAMES } from '../../src/shared/backends';
import type { Backend } from '../../src/engine/backends/backend';
import { readInstallation } from '../../src/engine/backends/native/installation';
import { BACKENDS } from '../../src/engine/backends/registry';

/**
 * What the engine's tests run on: cpu, wasm, and every native backend that is installed where
 * `$FLATSCAPE_BACKENDS`, or the user's cache, says. `npm run test:native` installs one first.
 */
export async function testedBackends(): Promise<readonly Backend[]> {
  const native = [];
  for (const name of NATIVE_NAMES) if (await readInstallation(name)) native.push(BACKENDS[name]);
  // One process can load one of them.
  return [BACKENDS.cpu, BACKENDS.wasm, ...native.slice(0, 1)];
}

/** For tests of properties that hold on any backend: the last of those, wherever it runs. */
export async function fastestTested(): Promise<void> {
  const native = (await testedBackends()).slice(2);
  await (native[0] ?? BACKENDS.cpu).start();
}
