import type { BackendReport } from '../../shared/backend-report';
import {
  INSTALL_SOURCES,
  isNative,
  type BackendName,
  type InstallSource,
} from '../../shared/backends';
import { describeError, isUserError, UserError } from '../../shared/errors';
import { installBackend } from '../backends/native/install';
import type { ProbeAnswer } from '../backends/native/probe';
import { backendReport } from '../backends/native/report';
import { BACKENDS } from '../backends/registry';
import { selfTest } from '../backends/self-test';
import type { BackendInstallFlags } from './engine-commands';

/** The body of `engine probe-backend NAME`: prints one line, unless the backend ends the process. */
export async function probeChild(name: string): Promise<void> {
  process.stdout.write(`${JSON.stringify(await answer(name as BackendName))}\n`);
}

async function answer(name: BackendName): Promise<ProbeAnswer> {
  try {
    if (!(name in BACKENDS)) throw new Error(`there is no backend ${name}`);
    await BACKENDS[name].start();
    const reason = await selfTest();
    if (reason !== undefined) return { type: 'probe', ok: false, reason };
    return { type: 'probe', ok: true, memoryBytes: BACKENDS[name].memoryLimit };
  } catch (error) {
    const reason = isUserError(error) ? describeError(error) : String(error);
    return { type: 'probe', ok: false, reason };
  }
}

/** The body of `engine backend-report`. */
export function answerReport(
  { fresh = false }: { readonly fresh?: boolean },
  onProgress: (message: string) => void,
): Promise<BackendReport> {
  return backendReport({ fresh, onProgress });
}

/** The body of `engine install-backend NAME`; SIGTERM cancels it, tools included. */
export async function answerInstall(
  name: string,
  { source, dir }: BackendInstallFlags,
  onProgress: (message: string, fraction?: number) => void,
): Promise<unknown> {
  if (!isNative(name) || !(source in INSTALL_SOURCES))
    throw new Error(`there is no ${name} from ${source}`);
  const cancel = new AbortController();
  const stop = () =>
    cancel.abort(new UserError({ code: 'cancelled', message: 'the installation was cancelled' }));
  process.once('SIGTERM', stop);
  try {
    return await installBackend({
      ...{ name, source: source as InstallSource, signal: cancel.signal, onProgress },
      ...(dir !== undefined && { directory: dir }),
    });
  } finally {
    process.off('SIGTERM', stop);
  }
}
