import type { Config } from '../../shared/config/schema';

/**
 * Optimizer steps of a run over `examples` training examples. A step never mixes two epochs: the
 * last one of an epoch may be smaller.
 */
export function runSteps(
  { batch_size, gradient_accumulation_steps, epochs, steps }: Config['train'],
  examples: number,
): { stepsPerEpoch: number; totalSteps: number } {
  const stepsPerEpoch = Math.max(
    1,
    Math.ceil(examples / (batch_size * gradient_accumulation_steps)),
  );
  return { stepsPerEpoch, totalSteps: steps ?? Math.max(1, Math.ceil(epochs * stepsPerEpoch)) };
}

/**
 * Seed of the dropout masks of one forward pass: 32 bits from the run's seed, the step and the
 * micro-batch, so that a resumed run draws the masks that the uninterrupted one would have drawn.
 */
export function stepSeed(seed: number, step: number, micro: number): number {
  return [step, micro].reduce(mix, mix(0x9e3779b9, seed)) >>> 0;
}

/** One round of MurmurHash3: neighbouring inputs give unrelated outputs. */
function mix(hash: number, value: number): number {
  let k = Math.imul(value, 0xcc9e2d51);
  k = Math.imul((k << 15) | (k >>> 17), 0x1b873593);
  let h = hash ^ k;
  h = Math.imul((h << 13) | (h >>> 19), 5) + 0xe6546b64;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  return Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
}
