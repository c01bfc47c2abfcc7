import { Command } from 'commander';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { EngineAnswerLine, InspectedModule, Preflight } from '../../client/preflight';
import { launchFiles } from '../../client/launch';
import { readConfig } from '../../client/read-config';
import { isUserError } from '../../shared/errors';
import { writeFileAtomic } from '../formats/atomic-file';
import { EXIT_CODES, exitCodeOf } from './exit-codes';
import { log } from './log';
import { Requests } from './requests';
import { errorFields, runSession, type PreparedRun, type RunSource } from './run-session';

type Progress = (message: string, fraction?: number) => void;

/** What the engine's commands do; tests put others in their place. */
export interface EngineParts {
  readonly prepare: (source: RunSource) => Promise<PreparedRun>;
  readonly preflight: (source: RunSource, onProgress: Progress) => Promise<Preflight>;
  readonly inspectModel: (source: RunSource) => Promise<readonly InspectedModule[]>;
  /** After a run: the report. */
  readonly afterwards?: (directory: string) => Promise<void>;
}

interface RunFlags {
  readonly set: string[];
  readonly resume?: string;
  readonly launch?: string;
}

/**
 * `engine run|preflight|inspect-model CONFIG`: the child process behind the extension and the CLI.
 * @returns the exit code, one of `EXIT_CODES`
 */
export async function engineMain(args: readonly string[], parts: EngineParts): Promise<number> {
  let exitCode: number = EXIT_CODES.ok.code;
  const program = new Command('engine').exitOverride();
  const command = (name: string) =>
    program
      .command(`${name} <config>`)
      .option('--set <key=value>', 'override', (value, all: string[]) => [...all, value], []);

  command('run')
    .option('--resume <run>')
    .option('--launch <base>')
    .action(async (config: string, flags: RunFlags) => {
      exitCode = await run(resolve(config), flags, parts);
    });
  command('preflight').action(async (config: string, { set }: RunFlags) => {
    const source = async () => ({
      ...(await readConfig(resolve(config), set)),
      configFile: resolve(config),
    });
    exitCode = await answer(async (onProgress) => parts.preflight(await source(), onProgress));
  });
  command('inspect-model').action(async (config: string, { set }: RunFlags) => {
    const source = async () => ({
      ...(await readConfig(resolve(config), set)),
      configFile: resolve(config),
    });
    exitCode = await answer(async () => parts.inspectModel(await source()));
  });
  await program.parseAsync([...args], { from: 'user' });
  return exitCode;
}

async function run(configFile: string, flags: RunFlags, parts: EngineParts): Promise<number> {
  const requests = new Requests();
  const stop = (signal: NodeJS.Signals) => {
    log(`${signal}: stopping after this step, with a checkpoint`);
    requests.add('stop');
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  try {
    const result = await runSession({
      configFile,
      set: flags.set,
      ...(flags.resume !== undefined && { resume: resolve(flags.resume) }),
      ...(flags.launch !== undefined && { launch: flags.launch }),
      prepare: (source) => parts.prepare(source),
      requests,
      ...(parts.afterwards && { afterwards: parts.afterwards }),
    });
    log(`${result.status}: ${result.directory}`);
    if (result.error?.code === 'internal-error') return EXIT_CODES.internal.code;
    return exitCodeOf(result.status);
  } catch (error) {
    return await refused(error, flags.launch);
  } finally {
    process.off('SIGTERM', stop);
    process.off('SIGINT', stop);
  }
}

/** Nothing was started: the launcher gets the reason. */
async function refused(error: unknown, launch: string | undefined): Promise<number> {
  const fields = errorFields(error);
  log(error instanceof Error ? (error.stack ?? error.message) : String(error));
  const outcome = launch === undefined ? undefined : launchFiles(launch).outcome;
  // Once the first journal line is there, the launcher has its answer and is gone.
  if (outcome !== undefined && !existsSync(outcome))
    await writeFileAtomic(outcome, JSON.stringify({ error: fields }));
  return isUserError(error) ? EXIT_CODES.usage.code : EXIT_CODES.internal.code;
}

/** Answers on the standard output: lines of progress, then the document or the error. */
async function answer(ask: (onProgress: Progress) => Promise<unknown>): Promise<number> {
  try {
    const result = await ask((message, fraction) =>
      print({ type: 'progress', message, ...(fraction !== undefined && { fraction }) }),
    );
    print({ type: 'result', result });
    return EXIT_CODES.ok.code;
  } catch (error) {
    log(error instanceof Error ? (error.stack ?? error.message) : String(error));
    print({ type: 'error', error: errorFields(error) as { code: string; message: string } });
    return isUserError(error) ? EXIT_CODES.usage.code : EXIT_CODES.internal.code;
  }
}

function print(line: EngineAnswerLine): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}
