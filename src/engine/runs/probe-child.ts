import { isUserError, describeError } from '../../shared/errors';
import type { BackendName } from '../../shared/backends';
import type { ProbeAnswer } from '../backends/native/probe';
import { BACKENDS } from '../backends/registry';
import { selfTest } from '../backends/self-test';

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
