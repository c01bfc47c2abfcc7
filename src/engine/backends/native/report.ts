import { arch, cpus, platform, totalmem } from 'node:os';
import type { BackendEntry, BackendReport } from '../../../shared/backend-report';
import { BACKEND_NAMES, isNative, type BackendName } from '../../../shared/backends';
import { describeError, isUserError } from '../../../shared/errors';
import type { Device } from '../backend';
import { describeDevice, onlyByName } from '../device';
import { BACKENDS } from '../registry';
import { backendsFolder, isUnfinished, readInstallation } from './installation';
import { notInstalled } from './native-backend';
import { probeBackend } from './probe';

export interface ReportOptions {
  /** Probe again even where a verdict is kept. */
  readonly fresh?: boolean;
  /** Only these; `auto` is judged by them. */
  readonly names?: readonly BackendName[];
  readonly engineScript?: string;
  readonly onProgress?: (message: string) => void;
}

/** Probes every backend, each in a process of its own, and says what each is good for here. */
export async function backendReport(options: ReportOptions = {}): Promise<BackendReport> {
  const backends: BackendEntry[] = [];
  for (const name of options.names ?? BACKEND_NAMES) backends.push(await entry(name, options));
  return {
    format: 1,
    chosen:
      backends.find(({ state, reason }) => state === 'works' && reason === undefined)?.name ?? null,
    folder: backendsFolder(),
    machine: {
      platform: platform(),
      arch: arch(),
      node: process.versions.node,
      processor: cpus()[0]?.model.trim() ?? 'unknown processor',
      cores: cpus().length,
      memoryBytes: totalmem(),
    },
    backends,
  };
}

const UNFINISHED = 'An installation was begun and not finished: the next one goes on with it.';

async function entry(name: BackendName, options: ReportOptions): Promise<BackendEntry> {
  const { summary } = BACKENDS[name];
  try {
    const installation = isNative(name) ? await readInstallation(name) : undefined;
    if (isNative(name) && !installation) {
      const half = (await isUnfinished(name)) ? ` ${UNFINISHED}` : '';
      const reason = `${describeError(notInstalled(name))}${half}`;
      return { name, summary, state: 'not-installed', reason };
    }
    options.onProgress?.(`testing ${name}`);
    const { engineScript, fresh = false } = options;
    const verdict = await probeBackend(name, {
      fresh,
      ...(engineScript !== undefined && { engineScript }),
    });
    return {
      ...{ name, summary, probeMs: verdict.milliseconds, checkedAt: verdict.checkedAt },
      ...(verdict.ok
        ? { state: 'works', memoryBytes: verdict.memoryBytes, ...onDevice(name, verdict.device) }
        : { state: 'refused', reason: verdict.reason }),
      ...(installation && { installation: shown(installation) }),
    };
  } catch (error) {
    // The report is where a damaged installation is told of, not where it ends everything.
    if (!isUserError(error)) throw error;
    return { name, summary, state: 'refused', reason: describeError(error) };
  }
}

/** What works, but not for `auto`, has a reason as well. */
function onDevice(name: BackendName, device: Device | undefined) {
  const reason = onlyByName(name, device);
  return {
    ...(device && { device: describeDevice(device) }),
    ...(reason !== undefined && { reason }),
  };
}

function shown(installation: NonNullable<Awaited<ReturnType<typeof readInstallation>>>) {
  const {
    package: npmPackage,
    version,
    library,
    source,
    packageFolder,
    installedAt,
  } = installation;
  return { package: npmPackage, version, library, source, folder: packageFolder, installedAt };
}
