import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import type { RandomGenerator } from 'pure-rand/types/RandomGenerator';

/**
 * Random numbers for one named tensor. They depend on the seed and the name alone, so that a
 * tensor starts equal whatever else the model has.
 */
export function generatorFor(seed: number, name: string): RandomGenerator {
  return generatorOf(`${seed}:${name}`);
}

/**
 * The generator is linear in its seed over GF(2), and so, nearly, is a plain hash of names that differ
 * in a few characters: their numbers would be correlated, by eight standard errors for the signs of
 * eight blocks. Hence a hash in which every bit of the text moves every bit of the seed.
 */
export function generatorOf(text: string): RandomGenerator {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) hash = mixed(hash ^ byte);
  return xoroshiro128plus(hash);
}

/** Murmur3's finaliser, a bijection of 32 bits. */
function mixed(bits: number): number {
  let h = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
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
