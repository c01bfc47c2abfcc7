import { readFile } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { isMap, parse, parseDocument } from 'yaml';
import { parseConfigText, type ConfigProblem } from '../shared/config/parse';
import type { Config } from '../shared/config/schema';
import { isUserError, UserError } from '../shared/errors';
import { decodeText } from '../shared/decode-text';
import { readError } from '../shared/file-errors';

export interface ReadConfig {
  readonly config: Config;
  /** As written, without the overrides. */
  readonly text: string;
}

/**
 * Reads and validates a config file.
 * @param set overrides `key.path=value`, the value in YAML
 * @throws UserError `config-not-found`, `not-utf8`, `config-invalid` naming line and key path,
 *   `bad-override`
 */
export async function readConfig(file: string, set: readonly string[] = []): Promise<ReadConfig> {
  const text = await readFile(file)
    .catch((error: unknown) => {
      throw readError(error, file);
    })
    .then((bytes) => decodeText(bytes, file))
    .catch((error: unknown) => {
      throw unreadable(error);
    });
  const written = parseConfigText(text, file);
  // What stands in the file must be readable as it is: overrides come after.
  const broken = written.problems.some(({ code }) => BROKEN.includes(code));
  if (set.length === 0 || broken) {
    if (written.config) return { config: written.config, text };
    throw configInvalid(written.problems, { file, text });
  }
  const { config, problems } = parseConfigText(withOverrides(text, set), 'overridden.yaml');
  if (config) return { config, text };
  throw configInvalid(problems, { file });
}

const BROKEN: readonly ConfigProblem['code'][] = ['syntax', 'duplicate-key', 'unknown-key'];

function unreadable(error: unknown): unknown {
  if (!isUserError(error) || error.code === 'not-utf8') return error;
  const expected = 'a *.flatscape.yaml or *.flatscape.json file';
  return new UserError({ ...error.toJSON(), code: 'config-not-found', expected }, { cause: error });
}

/** The first problem as an error; how many more there are is said. */
function configInvalid(
  problems: readonly [ConfigProblem, ...ConfigProblem[]],
  { file, text }: { file: string; text?: string },
): UserError {
  const [{ code, message, path, range, suggestion }, ...more] = problems;
  // The message of an unknown key asks for it already.
  const hint =
    suggestion === undefined || code === 'unknown-key' ? '' : `Write \`${suggestion}\`. `;
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
  const safe = plain.replace(/[^\w.-]+/g, '-').replace(/^[.-]+/, '');
  // With the time behind it, a name must stay below what file systems take (255 bytes).
  return config.output.name ?? (safe.slice(0, 100) || 'run');
}

/** The text with the overrides in it; comments and order stay, so that problems are near. */
function withOverrides(text: string, set: readonly string[]): string {
  const document = parseDocument(text);
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
    remedy: 'Such as `--set method.rho=0.1`; see docs/config.md for every key.',
  });
}
