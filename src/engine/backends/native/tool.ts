import { spawn } from 'node:child_process';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { UserError } from '../../../shared/errors';

export interface ToolCall {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly signal?: AbortSignal;
  /** What this is for, e.g. `downloading TensorFlow`: named in errors. */
  readonly purpose: string;
  /** A folder that grows while the tool works; with the output, the sign that it is alive. */
  readonly watch?: string;
  readonly stallMs?: number;
  /** Bytes in the watched folder, now and then. */
  readonly onBytes?: (bytes: number) => void;
  /** Standard output as it comes. */
  readonly onOutput?: (text: string) => void;
}

/** No output and not one byte more for this long means that nothing will come. */
const STALL_MS = 120_000;
const POLL_MS = 1000;

/**
 * Runs a tool to its end, in a process group of its own that a cancel ends as a whole.
 * @returns its standard output
 * @throws UserError `tool-missing`, `download-unreachable`, `download-stalled`,
 *   `checksum-mismatch`, `disk-full`, `install-failed`; the signal's reason when aborted
 */
export async function runTool(call: ToolCall): Promise<string> {
  call.signal?.throwIfAborted();
  const { command, args, cwd, env, signal, watch } = call;
  const child = spawn(command, [...args], {
    ...(cwd !== undefined && { cwd }),
    env: env ?? process.env,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: process.platform !== 'win32',
    windowsHide: true,
    // npm is a script on Windows.
    shell: process.platform === 'win32',
  });
  const end = (): void => endGroup(child.pid);
  let output = '';
  let log = '';
  let lastSign = Date.now();
  let stalled = false;
  child.stdout.on('data', (data: Buffer) => {
    lastSign = Date.now();
    output += data.toString('utf8');
    call.onOutput?.(data.toString('utf8'));
    log = (log + data.toString('utf8')).slice(-20_000);
  });
  child.stderr.on('data', (data: Buffer) => {
    lastSign = Date.now();
    log = (log + data.toString('utf8')).slice(-20_000);
  });
  let bytes = 0;
  const look = async (): Promise<void> => {
    const now = watch === undefined ? bytes : await folderBytes(watch);
    if (now !== bytes) {
      bytes = now;
      lastSign = Date.now();
      call.onBytes?.(bytes);
    }
    if (Date.now() - lastSign < (call.stallMs ?? STALL_MS)) return;
    stalled = true;
    end();
  };
  let looking = false;
  const timer = setInterval(() => {
    if (looking) return;
    looking = true;
    void look().finally(() => (looking = false));
  }, POLL_MS);
  signal?.addEventListener('abort', end, { once: true });
  try {
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once('error', (error) => reject(missing(command, error)));
      child.once('close', resolve);
    });
    signal?.throwIfAborted();
    if (stalled) throw stall(call, log);
    if (code !== 0) throw explain(call, log, code);
    return output;
  } finally {
    clearInterval(timer);
    signal?.removeEventListener('abort', end);
  }
}

function endGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(process.platform === 'win32' ? pid : -pid, 'SIGKILL');
  } catch {
    // Already over.
  }
}

/** Bytes of all files below a folder; what vanishes meanwhile does not count. */
export async function folderBytes(folder: string): Promise<number> {
  const files = await readdir(folder, { recursive: true }).catch(() => []);
  const sizes = files.map((file) =>
    stat(join(folder, file)).then((s) => (s.isFile() ? s.size : 0)),
  );
  const settled = await Promise.allSettled(sizes);
  return settled.reduce((sum, s) => sum + (s.status === 'fulfilled' ? s.value : 0), 0);
}

const REMEDIES: Readonly<Record<string, string>> = {
  npm: 'Install Node.js with npm, and see that `npm` is on the PATH of this process.',
  python3:
    'Install Python 3 with pip (on Debian: `python3` and `python3-pip`), or use `--source official`.',
  make: 'Install make and a C++ compiler (on Debian: `build-essential`), or use `--source official`.',
  'g++':
    'Install make and a C++ compiler (on Debian: `build-essential`), or use `--source official`.',
};

export function missing(command: string, cause?: unknown): UserError {
  const remedy = REMEDIES[command];
  return new UserError(
    {
      code: 'tool-missing',
      message: `\`${command}\` could not be started`,
      expected: `${command} on the PATH`,
      ...(remedy !== undefined && { remedy }),
    },
    { cause },
  );
}

const NETWORK =
  /ENOTFOUND|ECONNREFUSED|ECONNRESET|ETIMEDOUT|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|socket hang up|tunneling socket|NewConnectionError|ConnectTimeoutError|ProxyError|Max retries exceeded|Could not fetch URL|CERT_|CERTIFICATE_VERIFY|SELF_SIGNED|statusCode=[345]\d\d|E40[34]\b|HTTP error 4|unexpected end of file|TAR_BAD_ARCHIVE|incorrect header check|invalid tar/i;

/** What a tool's own words mean to the user. */
function explain(call: ToolCall, log: string, code: number | null): UserError {
  const found = lastWords(log) || `exit code ${code}`;
  const named = (fields: { code: string; message: string; remedy: string }): UserError =>
    new UserError({ ...fields, found });
  if (/EINTEGRITY|DO NOT MATCH THE HASHES|checksum/i.test(log))
    return named({
      code: 'checksum-mismatch',
      message: `${call.purpose}: what arrived is not what the index promised`,
      remedy: 'Try again; if it stays, the mirror or proxy changes files: use another.',
    });
  if (/ENOSPC|No space left/i.test(log))
    return named({
      code: 'disk-full',
      message: `${call.purpose}: the disk is full`,
      remedy: 'Free 3 GB (10 GB for a GPU) where backends are installed, then try again.',
    });
  if (/No module named '?"?pip/i.test(log)) return missing('python3');
  if (NETWORK.test(log))
    return named({
      code: 'download-unreachable',
      message: `${call.purpose}: the server could not be reached, or has no such file`,
      remedy:
        'Check the network, HTTPS_PROXY and the mirror (npm registry, pip index or `--index`, TFJS_NODE_CDN_STORAGE), or use `--source dir`.',
    });
  if (/No matching distribution/i.test(log))
    return named({
      code: 'wheel-not-found',
      message: `${call.purpose}: the index has no wheel for this machine`,
      remedy: 'Use another index (`--index URL`), or `--source official` or `dir`.',
    });
  return named({
    code: 'install-failed',
    message: `${call.purpose} failed`,
    remedy: 'The message above is the tool’s own. What was finished is kept: try again.',
  });
}

function stall(call: ToolCall, log: string): UserError {
  return new UserError({
    code: 'download-stalled',
    message: `${call.purpose}: nothing came for ${Math.round((call.stallMs ?? STALL_MS) / 1000)} s`,
    found: lastWords(log) || 'no output',
    remedy: 'Check the network and HTTPS_PROXY, then try again: what was finished is kept.',
  });
}

/** The lines that say error, or the last ones. */
function lastWords(log: string): string {
  const lines = log
    .split('\n')
    // Not the frame that Node puts around an error.
    .filter(
      (line) => line.trim() && !/npm (warn|notice)|^\s+at |^\s*throw |^Emitted '/i.test(line),
    );
  const errors = lines.filter((line) => /error|fail|not found|refused|ERR!/i.test(line));
  return (errors.length > 0 ? errors : lines).slice(-3).join(' | ').slice(0, 600);
}
