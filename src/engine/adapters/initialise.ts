import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import type { RandomGenerator } from 'pure-rand/types/RandomGenerator';

/**
 * Random numbers for one named tensor. They depend on the seed and the name alone, so that a
 * tensor starts equal whatever else the model has.
 */
export function generatorFor(seed: number, name: string): RandomGenerator {
  return xoroshiro128plus(fnv1a(`${seed}:${name}`));
}

/** Uniform in [−bound, bound). */
export function uniform(size: number, bound: number, generator: RandomGenerator): Float32Array {
  return Float32Array.from({ length: size }, () => (2 * uniformFloat64(generator) - 1) * bound);
}

/** Normal with mean 0, by the Box–Muller transform. */
export function normal(size: number, deviation: number, generator: RandomGenerator): Float32Array {
  return Float32Array.from({ length: size }, () => {
    // 1 − u lies in (0, 1]: its logarithm is finite.
    const radius = Math.sqrt(-2 * Math.log(1 - uniformFloat64(generator)));
    return deviation * radius * Math.cos(2 * Math.PI * uniformFloat64(generator));
  });
}

/** FNV-1a, 32 bits. */
function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash;
}
