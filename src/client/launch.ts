import { overrideArgs, type EngineScript } from './engine-command';
import { launchJob } from './launch-job';
import { outputFolder, readConfig } from './read-config';

export interface LaunchOptions extends EngineScript {
  /** Run directory to go on with. */
  readonly resume?: string;
  /** `key=value` overrides of the config. */
  readonly set?: readonly string[];
  /** Ends the child if it has not reached its first journal line yet. */
  readonly signal?: AbortSignal;
}

/**
 * Starts a detached engine that outlives this process, its streams in the run's `log.txt`.
 * @returns the run directory, once `engine.json` and the first journal line are there
 * @throws UserError: the engine's own, or `engine-start-failed` with the end of its log; the
 *   signal's reason when aborted
 */
export async function launchRun(options: LaunchOptions): Promise<string> {
  options.signal?.throwIfAborted();
  const { configFile, resume, set } = options;
  const resumed = resume === undefined ? [] : ['--resume', resume];
  return launchJob({
    ...options,
    args: ['run', configFile, ...resumed, ...overrideArgs(set)],
    folder: resume ?? (await runsFolder(options)),
    resume: resume !== undefined,
  });
}

async function runsFolder(options: LaunchOptions): Promise<string> {
  const { config } = await readConfig(options.configFile, options.set);
  return outputFolder(options.configFile, config);
}
