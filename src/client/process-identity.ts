import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { engineProcessSchema, RUN_FILES, type EngineProcess } from '../shared/run-manifest';

const run = promisify(execFile);

/**
 * The engine that owns a run directory, or undefined. A pid alone proves nothing: the system hands
 * it to somebody else after the engine is gone, and that process must be neither shown nor
 * signalled. So the start time must match as well.
 */
export async function liveEngine(directory: string): Promise<EngineProcess | undefined> {
  const engine = await readEngineFile(join(directory, RUN_FILES.engine));
  return engine && (await isAlive(engine)) ? engine : undefined;
}

/** Whether this very process is alive, and not another that has its pid by now. */
export async function isAlive({ pid, startedAt }: EngineProcess): Promise<boolean> {
  return (await processStartTime(pid)) === startedAt;
}

/** Content of an `engine.json`; undefined when there is none or it is damaged, hence nobody's. */
export async function readEngineFile(file: string): Promise<EngineProcess | undefined> {
  try {
    return engineProcessSchema.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch {
    return undefined;
  }
}

/**
 * Start time of a live process in the platform's own terms, only good for comparing: Linux boot id
 * and clock ticks since boot, `lstart` of ps, the creation file time on Windows. Undefined when
 * there is no such process (a zombie is none).
 */
export async function processStartTime(pid: number): Promise<string | undefined> {
  if (!Number.isSafeInteger(pid) || pid <= 0) return undefined;
  switch (process.platform) {
    case 'linux':
      return linuxStartTime(pid);
    case 'win32':
      return firstLine('powershell.exe', [
        '-NoProfile',
        '-Command',
        `(Get-Process -Id ${pid} -ErrorAction Stop).StartTime.ToFileTimeUtc()`,
      ]);
    default:
      return firstLine('ps', ['-o', 'lstart=', '-p', String(pid)]);
  }
}

async function linuxStartTime(pid: number): Promise<string | undefined> {
  try {
    const [stat, boot] = await Promise.all([
      readFile(`/proc/${pid}/stat`, 'utf8'),
      readFile('/proc/sys/kernel/random/boot_id', 'utf8'),
    ]);
    // The second field, the command, may hold spaces and parentheses: count from its last ')'.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [state, ticks] = [fields[0], fields[19]];
    return state === 'Z' || state === 'X' ? undefined : `${boot.trim()}:${ticks}`;
  } catch {
    return undefined;
  }
}

async function firstLine(command: string, args: string[]): Promise<string | undefined> {
  try {
    const { stdout } = await run(command, args, {
      env: { ...process.env, LC_ALL: 'C' },
      windowsHide: true,
    });
    return stdout.trim() || undefined;
  } catch {
    return undefined;
  }
}
