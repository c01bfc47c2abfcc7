import type { RandomGenerator } from 'pure-rand/types/RandomGenerator';
import { generatorOf, normal, uniform } from '../adapters/initialise';
import type { CoordinateBlock } from './coordinates';

/** What a draw is for: the `index`-th of its measure, from the task's seed. */
export interface Draw {
  readonly seed: number;
  readonly index: number;
}

type Place = Pick<CoordinateBlock, 'key' | 'offset' | 'size'>;

/**
 * Independent ±1. Each block's numbers are a function of seed, index and the block's own key, so
 * that a scope draws what it is given as a part of a wider one, and a resumed measure goes on as if
 * it had not stopped.
 */
export function rademacher(blocks: readonly Place[], draw: Draw): Float64Array {
  const vector = emptyVector(blocks);
  for (const { key, offset, size } of blocks) {
    const generator = generatorFor('rademacher', key, draw);
    let bits = 0;
    for (let i = 0; i < size; i++) {
      // 16 signs of each number, its upper half: the lowest bit of the generator is its weakest.
      bits = i % 16 === 0 ? generator.next() >>> 16 : bits >>> 1;
      vector[offset + i] = (bits & 1) === 0 ? -1 : 1;
    }
  }
  return vector;
}

/** Independent standard normal numbers, seeded as those of `rademacher`. */
export function gaussian(blocks: readonly Place[], draw: Draw): Float64Array {
  const vector = emptyVector(blocks);
  for (const { key, offset, size } of blocks)
    vector.set(normal(size, 1, generatorFor('normal', key, draw)), offset);
  return vector;
}

/** Independent uniform numbers in [−1, 1), seeded as those of `rademacher`. */
export function uniformCube(blocks: readonly Place[], draw: Draw): Float64Array {
  const vector = emptyVector(blocks);
  for (const { key, offset, size } of blocks)
    vector.set(uniform(size, 1, generatorFor('uniform', key, draw)), offset);
  return vector;
}

function emptyVector(blocks: readonly Place[]): Float64Array {
  return new Float64Array(
    blocks.reduce((end, { offset, size }) => Math.max(end, offset + size), 0),
  );
}

function generatorFor(kind: string, key: string, { seed, index }: Draw): RandomGenerator {
  return generatorOf(`${kind}.${seed}.${index}.${key}`);
}
