import type { BackendName } from '../../shared/backends';
import type { Device } from './backend';

/** As `run.json` and the Backend Report show it. */
export function describeDevice({ name, software }: Device): string {
  return software ? `${name}, a software driver` : name;
}

/**
 * Why `auto` passes over a backend that works; undefined when it does not. A GPU in software is much
 * slower than wasm on the same processor; `FLATSCAPE_SOFTWARE_GPU=1` takes it all the same, for tests.
 */
export function onlyByName(name: BackendName, device: Device | undefined): string | undefined {
  if (!device?.software || process.env['FLATSCAPE_SOFTWARE_GPU'] === '1') return undefined;
  return `${name} works, but found no GPU, only ${describeDevice(device)}, which is slower than wasm. Install the driver of the GPU, or set \`runtime.backend: ${name}\` to use it all the same.`;
}
