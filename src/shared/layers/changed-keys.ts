import type { Config } from '../config/schema';

/** A key that is not what the run was made with. */
export interface ChangedKey {
  /** `method.rho` */
  readonly name: string;
  /** As JSON; undefined where the key is not set. */
  readonly was: string | undefined;
  readonly is: string | undefined;
}

/** Say nothing of what is computed. */
const WITHOUT_EFFECT = ['$schema', 'output', 'checkpoint', 'runtime'];

/**
 * The keys in which two configs differ, defaults filled in: comments, order and spelled-out
 * defaults are no difference.
 */
export function changedKeys(was: Config, is: Config): ChangedKey[] {
  const [before, after] = [flat(was), flat(is)];
  const names = [...new Set([...before.keys(), ...after.keys()])];
  return names
    .filter((name) => before.get(name) !== after.get(name))
    .map((name) => ({ name, was: before.get(name), is: after.get(name) }));
}

/** `method.rho: 0.05 → 0.1` */
export function changeText({ name, was, is }: ChangedKey): string {
  return `${name}: ${was ?? 'not set'} → ${is ?? 'not set'}`;
}

function flat(config: Config): Map<string, string> {
  const values = new Map<string, string>();
  for (const [section, keys] of Object.entries(config)) {
    if (WITHOUT_EFFECT.includes(section) || typeof keys !== 'object') continue;
    for (const [key, value] of Object.entries(keys as Record<string, unknown>))
      if (value !== undefined) values.set(`${section}.${key}`, JSON.stringify(value));
  }
  return values;
}
