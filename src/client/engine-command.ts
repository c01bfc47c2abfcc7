import { spawn, type ChildProcess, type StdioOptions } from 'node:child_process';
import { dirname } from 'node:path';

export interface EngineScript {
  /** The engine bundle, `dist/engine/engine.js`. */
  readonly engineScript: string;
  /** Absent: the executable of this process, which in VS Code is Electron. */
  readonly nodePath?: string;
  readonly configFile: string;
}

/** Starts the engine bundle; `detached` makes it outlive this process. */
export function spawnEngine(
  script: EngineScript,
  args: readonly string[],
  options: { readonly stdio: StdioOptions; readonly detached: boolean },
): ChildProcess {
  return spawn(script.nodePath ?? process.execPath, [script.engineScript, ...args], {
    cwd: dirname(script.configFile),
    // Harmless in plain Node; without it Electron would open a window.
    env: { ...process.env, ELECTRON_RUN_AS_NODE: '1' },
    windowsHide: true,
    ...options,
  });
}

/** `--set key=value` for each override. */
export function overrideArgs(set: readonly string[] | undefined): string[] {
  return (set ?? []).flatMap((assignment) => ['--set', assignment]);
}
