import { readFile } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { parse } from 'yaml';
import { configSchema, type Config } from '../shared/config/schema';
import { UserError } from '../shared/errors';

export interface ReadConfig {
  readonly config: Config;
  /** As written, without the overrides. */
  readonly text: string;
}

/**
 * Reads and validates a config file.
 * @param set overrides `key.path=value`, the value in YAML
 * @throws UserError `config-not-found`, `config-invalid` naming the key path
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
  const document = parseYaml(text, file);
  for (const assignment of set) assign(document, assignment);
  return { config: validateConfig(document, file), text };
}

/** @throws UserError `config-invalid` for the first problem */
export function validateConfig(document: unknown, file: string): Config {
  const parsed = configSchema.safeParse(document);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new UserError({
    code: 'config-invalid',
    message: issue?.message ?? 'the config is not valid',
    place: { file, at: issue?.path.join('.') || 'the whole file' },
    remedy: 'See docs/config.md for every key.',
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

function parseYaml(text: string, file: string): unknown {
  try {
    return parse(text) ?? {};
  } catch (cause) {
    const message = cause instanceof Error ? (cause.message.split('\n')[0] ?? '') : String(cause);
    throw new UserError({ code: 'config-invalid', message, place: { file } }, { cause });
  }
}

function assign(document: unknown, assignment: string): void {
  const [, path, text] = /^([\w.$]+)=(.*)$/s.exec(assignment) ?? [];
  if (path === undefined || text === undefined)
    throw new UserError({
      code: 'bad-override',
      message: 'an override has no key or no value',
      expected: 'key.path=value',
      found: assignment,
    });
  const keys = path.split('.');
  const last = keys.pop() ?? '';
  let target = asRecord(document, path);
  for (const key of keys) target = asRecord((target[key] ??= {}), path);
  target[last] = parseYaml(text, `--set ${path}`);
}

function asRecord(value: unknown, path: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>;
  throw new UserError({
    code: 'bad-override',
    message: `\`${path}\` does not lead to a key`,
    expected: 'key.path=value',
  });
}
