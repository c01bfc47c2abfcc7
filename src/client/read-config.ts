import { readFile } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { isMap, parse, parseDocument } from 'yaml';
import { parseConfigText, type ConfigProblem } from '../shared/config/parse';
import type { Config } from '../shared/config/schema';
import { UserError } from '../shared/errors';

export interface ReadConfig {
  readonly config: Config;
  /** As written, without the overrides. */
  readonly text: string;
}

/**
 * Reads and validates a config file.
 * @param set overrides `key.path=value`, the value in YAML
 * @throws UserError `config-not-found`, `config-invalid` naming line and key path, `bad-override`
 */
export async function readConfig(file: string, set: readonly string[] = []): Promise<ReadConfig> {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new UserError(
      {
        code: 'config-not-found',
        message: 'the config file cannot be read',
        place: { file },
        expected: 'a *.flatscape.yaml or *.flatscape.json file',
      },
      { cause },
    );
  });
  const { config, problems } =
    set.length === 0
      ? parseConfigText(text, file)
      : parseConfigText(withOverrides(text, set), 'overridden.yaml');
  if (config) return { config, text };
  throw configInvalid(problems, { file, ...(set.length === 0 && { text }) });
}

/** The first problem as an error; how many more there are is said. */
function configInvalid(
  problems: readonly [ConfigProblem, ...ConfigProblem[]],
  { file, text }: { file: string; text?: string },
): UserError {
  const [{ message, path, range, suggestion }, ...more] = problems;
  const hint = suggestion === undefined ? '' : `Write \`${suggestion}\`. `;
  return new UserError({
    code: 'config-invalid',
    message: more.length > 0 ? `${message} (and ${more.length} more)` : message,
    place: {
      file,
      ...(text !== undefined && { line: text.slice(0, range.start).split('\n').length }),
      ...(path.length > 0 && { at: path.join('.') }),
    },
    remedy: `${hint}See docs/config.md for every key.`,
  });
}

/** Absolute folder of the run directories of a config. */
export function outputFolder(configFile: string, config: Config): string {
  return resolve(dirname(configFile), config.output.dir);
}

/** `output.name`, or the file's name without its extensions. */
export function runName(configFile: string, config: Config): string {
  const plain = basename(configFile).replace(/(\.flatscape)?\.(ya?ml|json)$/i, '');
  return config.output.name ?? (plain.replace(/[^\w.-]+/g, '-').replace(/^[.-]+/, '') || 'run');
}

/** The text with the overrides in it; comments and order stay, so that problems are near. */
function withOverrides(text: string, set: readonly string[]): string {
  const document = parseDocument(text);
  // A broken text is reported as such by the parser of configs.
  if (document.errors.length > 0) return text;
  if (!isMap(document.contents)) return text;
  for (const assignment of set) {
    const [, path, value] = /^([\w.$]+)=(.*)$/s.exec(assignment) ?? [];
    if (path === undefined || value === undefined)
      throw badOverride('no key or no value', assignment);
    try {
      document.setIn(path.split('.'), parse(value));
    } catch {
      throw badOverride('a key that leads nowhere or a value that is not YAML', assignment);
    }
  }
  return document.toString();
}

function badOverride(what: string, found: string): UserError {
  return new UserError({
    code: 'bad-override',
    message: `an override has ${what}`,
    expected: 'key.path=value',
    found,
  });
}
