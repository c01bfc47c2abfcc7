import { UserError } from '../../shared/errors';
import type { ModelSpec } from '../models/architecture';

/**
 * State-dict names of what is trained in full.
 * @param isTrained of a module's path
 * @throws UserError `adapter-unsupported` for a table and a decoder that share a weight
 */
export function trainedNames(
  spec: ModelSpec,
  isTrained: (path: string) => boolean,
): ReadonlySet<string> {
  const frozen = [...tiedPaths(spec)].find(isTrained);
  if (frozen !== undefined) {
    throw new UserError({
      code: 'adapter-unsupported',
      message: 'a table and the decoder that shares its weights cannot be trained',
      place: { at: 'adapter.modules_to_save' },
      found: frozen,
      remedy: 'Leave it out of the list.',
    });
  }
  return new Set([
    ...spec.tables.filter(({ path }) => isTrained(path)).map(({ path }) => `${path}.weight`),
    ...spec.norms
      .filter(({ path }) => isTrained(path))
      .flatMap(({ path }) => [`${path}.weight`, `${path}.bias`]),
    ...spec.linears
      .filter(({ path }) => isTrained(path))
      .flatMap(({ weight, bias }) => [weight, bias]),
  ]);
}

/** Paths of the linears that share the weight of a table, and of these tables. */
export function tiedPaths({ linears, tables }: ModelSpec): ReadonlySet<string> {
  const tied = linears.filter(({ path, weight }) => weight !== `${path}.weight`);
  const shared = tables.filter(({ path }) =>
    tied.some(({ weight }) => weight === `${path}.weight`),
  );
  return new Set([...tied, ...shared].map(({ path }) => path));
}

/** Whether `path` is one of the modules named, or inside one, as PEFT reads `modules_to_save`. */
export function isNamed(names: readonly string[], path: string): boolean {
  return names.some((name) => `.${path}.`.includes(`.${name}.`));
}

/** Shapes of what can be trained in full, by state-dict name. */
export function trainableShapes(spec: ModelSpec): ReadonlyMap<string, readonly number[]> {
  return new Map<string, readonly number[]>([
    ...spec.tables.map(({ path, entries, width }): [string, readonly number[]] => [
      `${path}.weight`,
      [entries, width],
    ]),
    ...spec.norms.flatMap(({ path, size }): [string, readonly number[]][] => [
      [`${path}.weight`, [size]],
      [`${path}.bias`, [size]],
    ]),
    ...spec.linears.flatMap(({ weight, bias, out, in: inputs }): [string, readonly number[]][] => [
      [weight, [out, inputs]],
      [bias, [out]],
    ]),
  ]);
}
