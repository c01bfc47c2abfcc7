import { BACKEND_NAMES, isNative, type BackendName } from '../../shared/backends';
import type { Config } from '../../shared/config/schema';
import { describeError, isUserError, UserError } from '../../shared/errors';
import type { Backend, BackendChoice, RefusedBackend } from './backend';
import { cpu } from './cpu';
import { describeDevice, onlyByName } from './device';
import { readInstallation } from './native/installation';
import { notInstalled } from './native/native-backend';
import { probeBackend, type Verdict } from './native/probe';
import { selfTest } from './self-test';
import { tensorflow } from './tensorflow';
import { tensorflowGpu } from './tensorflow-gpu';
import { wasm } from './wasm';
import { webgpu } from './webgpu';

export const BACKENDS: Readonly<Record<BackendName, Backend>> = {
  'tensorflow-gpu': tensorflowGpu,
  tensorflow,
  webgpu,
  wasm,
  cpu,
};

/** Proves a native backend in a process of its own; tests put another in its place. */
export type Probe = (name: BackendName, options: { readonly fresh: boolean }) => Promise<Verdict>;

/**
 * Starts a backend and proves it on a small training step. `auto` takes the first that passes, and
 * reports the ones that did not. A native one is first proved in a process of its own, which it may
 * crash or hang; that verdict is kept, and where nothing native is installed no process is started.
 * @throws UserError `backend-unavailable` when the one asked for, or every one, is refused
 */
export async function chooseBackend(
  name: Config['runtime']['backend'],
  probe: Probe = probeBackend,
): Promise<BackendChoice> {
  const candidates = name === 'auto' ? BACKEND_NAMES : [name];
  const refused: RefusedBackend[] = [];
  for (const candidate of candidates) {
    const backend = BACKENDS[candidate];
    // A refusal that was kept does not answer a user who asks for this one.
    const proved = (n: BackendName) => probe(n, { fresh: name !== 'auto' });
    const problem = await tryBackend(backend, name === 'auto' ? automatic(proved) : proved);
    if (problem === undefined) {
      const why = name === 'auto' ? 'the fastest that passed its self-test' : 'asked for';
      const device = backend.device && { device: describeDevice(backend.device) };
      return { name: candidate, reason: `${why} (${backend.summary})`, ...device, refused };
    }
    refused.push({ name: candidate, ...problem });
  }
  throw new UserError({
    code: 'backend-unavailable',
    message: 'no backend could be started',
    place: { at: 'runtime.backend' },
    found: refused.map(({ name: which, reason }) => `${which}: ${reason}`).join('; '),
    remedy: 'Set runtime.backend to auto, or repair the one that you need.',
  });
}

type Prove = (name: BackendName) => Promise<Verdict>;

/** What works, but only where somebody asks for it, is a refusal to `auto`. */
function automatic(prove: Prove): Prove {
  return async (name) => {
    const verdict = await prove(name);
    const reason = verdict.ok ? onlyByName(name, verdict.device) : undefined;
    return verdict.ok && reason !== undefined ? { ...verdict, ok: false, reason } : verdict;
  };
}

/** @returns why not, or `undefined` when it runs and computes right */
async function tryBackend(
  backend: Backend,
  prove: Prove,
): Promise<Omit<RefusedBackend, 'name'> | undefined> {
  try {
    if (isNative(backend.name)) {
      if (!(await readInstallation(backend.name)))
        return { reason: describeError(notInstalled(backend.name)), installed: false };
      const verdict = await prove(backend.name);
      if (!verdict.ok) return { reason: verdict.reason, installed: true };
    }
    await backend.start();
    const wrong = await selfTest();
    return wrong === undefined ? undefined : { reason: wrong, installed: true };
  } catch (error) {
    // A refusal is an answer here: it is recorded, and ends in an error if nothing else works.
    return { reason: refusal(error), installed: true };
  }
}

function refusal(error: unknown): string {
  if (isUserError(error)) return describeError(error);
  return error instanceof Error ? error.message : String(error);
}
