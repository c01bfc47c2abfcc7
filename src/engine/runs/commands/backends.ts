import { Argument, Option, type Command } from 'commander';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline/promises';
import {
  BACKEND_NAMES,
  INSTALL_SOURCES,
  NATIVE_BACKENDS,
  NATIVE_NAMES,
  type BackendName,
  type InstallSource,
  type NativeName,
} from '../../../shared/backends';
import type { BackendReport } from '../../../shared/backend-report';
import { UserError } from '../../../shared/errors';
import { EXIT_CODES } from '../../../shared/exit-codes';
import { installBackend, isCurrent, removeBackend } from '../../backends/native/install';
import { backendsFolder, readInstallation } from '../../backends/native/installation';
import { notInstalled } from '../../backends/native/native-backend';
import { backendReport } from '../../backends/native/report';
import { printJson, printText } from './output';
import { textTable } from './table';

interface InstallFlags {
  /** Without it: the usual one of the backend. */
  readonly source?: InstallSource;
  readonly cpu?: boolean;
  readonly dir?: string;
  readonly index?: string;
  readonly yes?: boolean;
  readonly json?: boolean;
}

const native = (flags: string) => new Argument(flags, 'native backend').choices([...NATIVE_NAMES]);

export function addBackends(program: Command): void {
  const backends = program
    .command('backends')
    .description('what computes: list, probe, install, update and remove backends');
  backends
    .command('list')
    .description('every backend, what `auto` would take, and why not the others')
    .option('--json', 'print one JSON document')
    .action(async ({ json }: { json?: boolean }) => show(await backendReport(), json));
  backends
    .command('probe')
    .description('test backends anew, each in a process of its own')
    .addArgument(new Argument('[name]', 'backend').choices([...BACKEND_NAMES]))
    .option('--json', 'print one JSON document')
    .action(async (name: BackendName | undefined, { json }: { json?: boolean }) => {
      const report = await backendReport({ fresh: true, ...(name && { names: [name] }) });
      show(report, json);
      if (report.chosen === null) process.exitCode = EXIT_CODES.usage.code;
    });
  const sources = Object.keys(INSTALL_SOURCES);
  backends
    .command('install')
    .description('install a native backend: source, size and target are shown first')
    .addArgument(native('[name]'))
    .addOption(new Option('--source <source>', 'where from').choices(sources))
    .option('--cpu', 'the one without a GPU')
    .option('--dir <folder>', 'with `--source dir`: where the npm package is installed')
    .option('--index <url>', 'pip index for the wheel')
    .option('--yes', 'do not ask')
    .option('--json', 'print one JSON document')
    .action(install);
  backends
    .command('update')
    .description('install anew, from where it came, what this version of Flatscape tests')
    .addArgument(native('<name>'))
    .option('--index <url>', 'pip index for the wheel')
    .option('--yes', 'do not ask')
    .option('--json', 'print one JSON document')
    .action(update);
  backends
    .command('remove')
    .description('remove a native backend')
    .addArgument(native('<name>'))
    .option('--json', 'print one JSON document')
    .action(async (name: NativeName, { json }: { json?: boolean }) => {
      const removed = await removeBackend(name);
      if (json) printJson({ name, removed });
      else printText(removed ? `${name} removed` : `${name} was not installed`);
    });
}

function show(report: BackendReport, json: boolean | undefined): void {
  if (json) return printJson(report, 2);
  const states = { works: 'works', refused: 'refused', 'not-installed': 'not installed' };
  printText(
    textTable(report.backends, [
      { head: 'backend', cell: ({ name }) => name },
      { head: 'state', cell: ({ state }) => states[state] },
      { head: 'auto', cell: ({ name }) => (name === report.chosen ? '←' : '') },
      { head: 'library', cell: ({ installation }) => installation?.library ?? '–' },
    ]),
  );
  for (const { name, reason } of report.backends)
    if (reason !== undefined) printText(`\n${name}: ${reason}`);
}

async function install(name: NativeName | undefined, flags: InstallFlags): Promise<void> {
  const wanted = name ?? defaultName(flags.cpu ?? false);
  const [usual] = NATIVE_BACKENDS[wanted].sources;
  const source = flags.dir === undefined ? (flags.source ?? usual) : 'dir';
  await confirm(wanted, source, flags.yes ?? false);
  const progress = new Progress();
  const cancel = new AbortController();
  const interrupt = () => cancel.abort(cancelled());
  process.once('SIGINT', interrupt);
  process.once('SIGTERM', interrupt);
  try {
    const installation = await installBackend({
      ...{ name: wanted, source, signal: cancel.signal },
      onProgress: (message, fraction) => progress.show(message, fraction),
      ...(flags.dir !== undefined && { directory: resolve(flags.dir) }),
      ...(flags.index !== undefined && { index: flags.index }),
    });
    progress.clear();
    if (flags.json) printJson(installation);
    else printText(`${wanted} works: ${installation.package} on ${installation.library}`);
  } finally {
    progress.clear();
    process.off('SIGINT', interrupt);
    process.off('SIGTERM', interrupt);
  }
}

async function update(name: NativeName, flags: Omit<InstallFlags, 'source'>): Promise<void> {
  const installation = await readInstallation(name);
  if (!installation) throw notInstalled(name);
  if (await isCurrent(name)) {
    if (flags.json) printJson(installation);
    else printText(`${name} is current: ${installation.library}`);
    return;
  }
  const { source, packageFolder } = installation;
  await install(name, { ...flags, source, ...(source === 'dir' && { dir: packageFolder }) });
}

/** The GPU's where there is a driver for one, unless told otherwise. */
function defaultName(cpu: boolean): NativeName {
  return !cpu && existsSync('/proc/driver/nvidia/version') ? 'tensorflow-gpu' : 'tensorflow';
}

async function confirm(name: NativeName, source: InstallSource, yes: boolean): Promise<void> {
  const { summary, size, needs } = INSTALL_SOURCES[source];
  const { package: npmPackage, version, wheel } = NATIVE_BACKENDS[name];
  const library = source === 'wheel' && wheel ? ` with ${wheel.package} ${wheel.version}` : '';
  process.stderr.write(
    [
      `install   ${name}: ${npmPackage} ${version}${library}`,
      `source    ${source}: ${summary}`,
      `size      ${size}`,
      `needs     ${needs}`,
      `target    ${backendsFolder()}`,
      '',
    ].join('\n'),
  );
  if (yes) return;
  if (!process.stdin.isTTY)
    throw new UserError({
      code: 'not-confirmed',
      message: 'nobody can be asked here whether to install',
      remedy: 'Add `--yes`.',
    });
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await terminal.question('Install? [y/N] ');
  terminal.close();
  if (!/^y(es)?$/i.test(answer.trim())) throw cancelled();
}

function cancelled(): UserError {
  return new UserError({
    code: 'cancelled',
    message: 'the installation was cancelled',
    remedy: 'Run the same command again to go on: what was finished is kept.',
  });
}

/** On the error stream, so that `--json` stays one document. */
class Progress {
  private last = '';

  show(message: string, fraction: number | undefined): void {
    const share = fraction === undefined ? '' : ` (${Math.round(100 * fraction)} %)`;
    if (process.stderr.isTTY) return void process.stderr.write(`\r\x1b[K${message}${share}`);
    // Elsewhere a line per part: the counting of bytes comes after the colon.
    const part = message.split(':')[0] ?? '';
    if (part !== this.last) process.stderr.write(`${part}\n`);
    this.last = part;
  }

  clear(): void {
    if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
  }
}
