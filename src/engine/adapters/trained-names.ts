import { UserError } from '../../shared/errors';
import type { ModelSpec } from '../models/architecture';

/**
 * State-dict names of what is trained in full.
 * @param isTrained of a module's path
 * @throws UserError `adapter-unsupported` for embeddings, which stay frozen
 */
export function trainedNames(
  spec: ModelSpec,
  isTrained: (path: string) => boolean,
): ReadonlySet<string> {
  const tied = spec.linears.filter((linear) => isTied(linear));
  const frozen = [...spec.tables, ...tied].find(({ path }) => isTrained(path));
  if (frozen) {
    throw new UserError({
      code: 'adapter-unsupported',
      message: 'embeddings, and the decoder that shares their weights, cannot be trained',
      place: { at: 'adapter.modules_to_save' },
      found: frozen.path,
      remedy: 'List only linear layers and layer norms.',
    });
  }
  return new Set([
    ...spec.norms
      .filter(({ path }) => isTrained(path))
      .flatMap(({ path }) => [`${path}.weight`, `${path}.bias`]),
    ...spec.linears
      .filter(({ path }) => isTrained(path))
      .flatMap(({ weight, bias }) => [weight, bias]),
  ]);
}

/** Whether a linear shares its weight with an embedding table. */
export function isTied({
  path,
  weight,
}: {
  readonly path: string;
  readonly weight: string;
}): boolean {
  return weight !== `${path}.weight`;
}

/** Whether `path` is one of the modules named, or inside one, as PEFT reads `modules_to_save`. */
export function isNamed(names: readonly string[], path: string): boolean {
  return names.some((name) => `.${path}.`.includes(`.${name}.`));
}

/** Shapes of what can be trained in full, by state-dict name. */
export function trainableShapes(spec: ModelSpec): ReadonlyMap<string, readonly number[]> {
  return new Map<string, readonly number[]>([
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
