import { spawn, type ChildProcess, type StdioOptions } from 'node:child_process';
import { dirname } from 'node:path';

export interface EngineProgram {
  /** The engine bundle, `dist/engine/engine.js`. */
  readonly engineScript: string;
  /** Absent: the executable of this process, which in VS Code is Electron. */
  readonly nodePath?: string;
  /** Where native backends are installed. Absent: where the environment, or the engine, says. */
  readonly backendsFolder?: string;
}

export interface EngineScript extends EngineProgram {
  readonly configFile: string;
}

/** Starts the engine bundle; `detached` makes it outlive this process. */
export function spawnEngine(
  program: EngineProgram & Partial<EngineScript>,
  args: readonly string[],
  options: { readonly stdio: StdioOptions; readonly detached: boolean },
): ChildProcess {
  const { nodePath, engineScript, configFile, backendsFolder } = program;
  return spawn(nodePath ?? process.execPath, [engineScript, ...args], {
    cwd: dirname(configFile ?? engineScript),
    env: {
      ...process.env,
      // Harmless in plain Node; without it Electron would open a window.
      ELECTRON_RUN_AS_NODE: '1',
      ...(backendsFolder !== undefined && { FLATSCAPE_BACKENDS: backendsFolder }),
    },
    windowsHide: true,
    ...options,
  });
}

/** `--set key=value` for each override. */
export function overrideArgs(set: readonly string[] | undefined): string[] {
  return (set ?? []).flatMap((assignment) => ['--set', assignment]);
}
