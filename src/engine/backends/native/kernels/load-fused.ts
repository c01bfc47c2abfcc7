import { createRequire } from 'node:module';
import { fusedLibrary, fusedRecord, sourcesHash } from './build-fused';
import { registerFused } from './register-fused';

/**
 * Loads the fused kernels of an installation into the backend `tensorflow`, which must be loaded.
 * The backend computes the same without them, only slower, so what is wrong with them is told and
 * does not stop it.
 * @returns in a few words what is there, for people
 */
export function loadFused(packageFolder: string): string {
  const library = fusedLibrary(packageFolder);
  try {
    const record = fusedRecord(packageFolder);
    if (!record) return 'without fused kernels';
    if (record.problem !== undefined)
      return `without fused kernels, which could not be compiled: ${record.problem}`;
    if (record.sources !== sourcesHash())
      return 'without fused kernels, as those installed are of another release: update it';
    const { instructions, threads } = createRequire(library)(library) as LoadedLibrary;
    registerFused();
    return `fused kernels for ${instructions}, ${threads} threads`;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return `without fused kernels, which could not be loaded: ${reason.split('\n')[0] ?? ''}`;
  }
}

interface LoadedLibrary {
  /** The instruction set that was chosen for this processor. */
  readonly instructions: string;
  readonly threads: number;
}
