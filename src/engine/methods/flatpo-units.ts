import type { AdaptedModule } from '../adapters/trainable-model';
import type { Config } from '../../shared/config/schema';
import type { TensorMap } from './tensor-map';

/** Which unit each coordinate of each tensor belongs to; units are numbered from 0. */
export interface Units {
  readonly count: number;
  readonly of: ReadonlyMap<string, Int32Array>;
  /** Layer of each unit, for `per_layer`. */
  readonly layers: readonly string[];
}

/** By key, 1 for each coordinate that was chosen. */
export type Selection = ReadonlyMap<string, Float32Array>;

/** The units that FlatPO chooses from. */
export function flatpoUnits(
  modules: readonly AdaptedModule[],
  gradient: TensorMap,
  { flatpo_granularity: granularity }: Pick<Config['method'], 'flatpo_granularity'>,
): Units {
  const byKey = new Map(
    modules.flatMap((module): [string, { module: AdaptedModule; isA: boolean }][] => [
      [module.loraA, { module, isA: true }],
      [module.loraB, { module, isA: false }],
    ]),
  );

  const numbers = new Map<string, number>();
  const layers: string[] = [];
  const unit = (name: string, layer: string): number => {
    const found = numbers.get(name);
    if (found !== undefined) return found;
    numbers.set(name, layers.length);
    layers.push(layer);
    return layers.length - 1;
  };

  const of = new Map<string, Int32Array>();
  for (const [key, { size }] of gradient) {
    const pair = byKey.get(key);
    const owner = pair?.module.path ?? key.replace(/\.(weight|bias)$/, '');
    const layer = /\.(?:layer|layers|h|blocks)\.(\d+)\./.exec(key)?.[1] ?? owner;
    const rank = pair?.module.rank ?? 1;
    const columns = pair?.isA ? size / rank : rank; // of A [r, m] and B [n, r]
    of.set(
      key,
      Int32Array.from({ length: size }, (_, i) => {
        switch (granularity) {
          case 'tensor':
            return unit(key, layer);
          case 'module':
            return unit(owner, layer);
          case 'rank': {
            // What is in no pair is one unit by itself.
            if (!pair) return unit(key, layer);
            const component = pair.isA ? Math.floor(i / columns) : i % columns;
            return unit(`${owner} ${component}`, layer);
          }
          case 'coordinate':
            return unit(`${key} ${i}`, layer);
        }
      }),
    );
  }
  return { count: layers.length, of, layers };
}

type SelectionOptions = Pick<
  Config['method'],
  'flatpo_score' | 'flatpo_scope' | 'flatpo_fraction' | 'flatpo_choice'
> & { readonly draw: (count: number) => readonly number[] };

/**
 * The max(1, ⌊fraction · units⌋) units of the largest score, among all or within each layer; equal
 * scores in the order of the parameters.
 * @param energies what the score of a unit sums, by coordinate
 */
export function selectUnits(
  units: Units,
  energies: ReadonlyMap<string, Float32Array>,
  options: SelectionOptions,
): Selection {
  const { flatpo_scope, flatpo_fraction, flatpo_choice } = options;
  const scores =
    flatpo_choice === 'random' ? options.draw(units.count) : unitScores(units, energies, options);
  const groups = new Map<string, number[]>();
  units.layers.forEach((layer, unit) => {
    const group = flatpo_scope === 'global' ? '' : layer;
    const members = groups.get(group) ?? [];
    members.push(unit);
    groups.set(group, members);
  });
  const chosen = new Uint8Array(units.count);
  for (const members of groups.values()) {
    const k = Math.max(1, Math.floor(flatpo_fraction * members.length));
    members.sort((i, j) => (scores[j] as number) - (scores[i] as number) || i - j);
    for (const unit of members.slice(0, k)) chosen[unit] = 1;
  }
  return new Map(
    [...units.of].map(([key, unitOf]) => [
      key,
      Float32Array.from(unitOf, (unit) => chosen[unit] as number),
    ]),
  );
}

/** Sums over units; for `norm_per_size` their means. A root would not change the order. */
function unitScores(
  units: Units,
  energies: ReadonlyMap<string, Float32Array>,
  { flatpo_score }: Pick<SelectionOptions, 'flatpo_score'>,
): Float64Array {
  const sums = new Float64Array(units.count);
  const sizes = new Float64Array(units.count);
  for (const [key, unitOf] of units.of) {
    const energy = energies.get(key) as Float32Array;
    unitOf.forEach((unit, i) => {
      sums[unit] = (sums[unit] as number) + (energy[i] as number);
      sizes[unit] = (sizes[unit] as number) + 1;
    });
  }
  return flatpo_score === 'norm_per_size' ? sums.map((sum, i) => sum / (sizes[i] as number)) : sums;
}
