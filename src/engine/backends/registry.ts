import type { Config } from '../../shared/config/schema';
import { isUserError, UserError } from '../../shared/errors';
import type { Backend, BackendChoice } from './backend';
import { cpu } from './cpu';
import { selfTest } from './self-test';
import { wasm } from './wasm';

/** Every backend, fastest first: the order in which `auto` tries them. */
export const BACKENDS: Readonly<Record<Backend['name'], Backend>> = { wasm, cpu };

/**
 * Starts a backend and proves it on a small training step. `auto` takes the first that passes,
 * and reports the ones that did not.
 * @throws UserError `backend-unavailable` when the one asked for, or every one, is refused
 */
export async function chooseBackend(name: Config['runtime']['backend']): Promise<BackendChoice> {
  const candidates = name === 'auto' ? Object.values(BACKENDS) : [BACKENDS[name]];
  const refused: { name: string; reason: string }[] = [];
  for (const backend of candidates) {
    const problem = await tryBackend(backend);
    if (problem === undefined) {
      const why = name === 'auto' ? 'the fastest that passed its self-test' : 'asked for';
      return { name: backend.name, reason: `${why} (${backend.summary})`, refused };
    }
    refused.push({ name: backend.name, reason: problem });
  }
  throw new UserError({
    code: 'backend-unavailable',
    message: 'no backend could be started',
    place: { at: 'runtime.backend' },
    found: refused.map(({ name, reason }) => `${name}: ${reason}`).join('; '),
    remedy: 'Set runtime.backend to auto, or repair the one that you need.',
  });
}

/** @returns why not, or `undefined` when it runs and computes right */
async function tryBackend(backend: Backend): Promise<string | undefined> {
  try {
    await backend.start();
    return await selfTest();
  } catch (error) {
    // A refusal is an answer here: it is recorded, and ends in an error if nothing else works.
    if (isUserError(error)) return error.message;
    return error instanceof Error ? error.message : String(error);
  }
}
