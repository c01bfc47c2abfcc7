import type { BackendReport, InstalledBackend } from '../../shared/backend-report';
import {
  INSTALL_SOURCES,
  isNative,
  NATIVE_NAMES,
  type BackendName,
  type InstallSource,
  type NativeName,
} from '../../shared/backends';
import { describeError, isUserError, UserError } from '../../shared/errors';
import { installBackend, isCurrent, removeBackend } from '../backends/native/install';
import { readInstallation } from '../backends/native/installation';
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
    const { memoryLimit, device } = BACKENDS[name];
    return { type: 'probe', ok: true, memoryBytes: memoryLimit, ...(device && { device }) };
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

/** The body of `engine installed-backends`: reads what is written there, and tests nothing. */
export async function answerInstalled(): Promise<readonly InstalledBackend[]> {
  const found = await Promise.all(NATIVE_NAMES.map(installed));
  return found.filter((backend) => backend !== undefined);
}

async function installed(name: NativeName): Promise<InstalledBackend | undefined> {
  try {
    const installation = await readInstallation(name);
    if (!installation) return undefined;
    const { library, source, packageFolder } = installation;
    return { name, details: { library, source, packageFolder, current: await isCurrent(name) } };
  } catch (error) {
    // A damaged one can still be removed.
    if (!isUserError(error)) throw error;
    return { name, damaged: describeError(error) };
  }
}

/** The body of `engine remove-backend NAME`. */
export async function answerRemove(name: string): Promise<{ removed: boolean }> {
  if (!isNative(name)) throw new Error(`${name} is no native backend`);
  return { removed: await removeBackend(name) };
}
