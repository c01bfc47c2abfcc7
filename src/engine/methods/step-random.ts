import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64';
import { generatorFor } from '../adapters/initialise';
import type { StepPoint } from './method';

/** Uniform numbers in [0, 1): a function of the run's seed, the step and what they are for. */
export type DrawUniform = (count: number, at: StepPoint) => readonly number[];

export function uniformDraw(purpose: string): DrawUniform {
  return (count, { seed, step }) => {
    const generator = generatorFor(seed, `${purpose}.${step}`);
    return Array.from({ length: count }, () => uniformFloat64(generator));
  };
}
