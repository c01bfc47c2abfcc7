import type { Tensor } from '@tensorflow/tfjs-core';
import type { Optimizer, StateTensors } from './optimizer';

/**
 * LoRA+ (arXiv 2402.12354): η_B = ratio · η. As in PEFT's LoRA+ every vector (bias, norm, DoRA
 * magnitude) learns at η_B as well; A and the head's matrices at η.
 * @param create makes one optimizer for each of the two groups
 */
export function withLrRatio(create: () => Optimizer, ratio: number): Optimizer {
  const groups = [
    { optimizer: create(), fast: false, ratio: 1 },
    { optimizer: create(), fast: true, ratio },
  ] as const;
  const [slow, fast] = groups.map(({ optimizer }) => optimizer) as [Optimizer, Optimizer];
  return {
    get steps() {
      return slow.steps;
    },
    set steps(value) {
      slow.steps = fast.steps = value;
    },
    update(parameters, gradients, lr) {
      const next = new Map<string, Tensor>();
      for (const group of groups) {
        const own = new Map(
          [...parameters].filter(([key, { shape }]) => isFast(key, shape) === group.fast),
        );
        for (const [key, value] of group.optimizer.update(own, gradients, lr * group.ratio))
          next.set(key, value);
      }
      // In the order given: a checkpoint and a norm must not depend on the grouping.
      return new Map([...parameters.keys()].map((key) => [key, next.get(key) as Tensor]));
    },
    saveState: async () => new Map([...(await slow.saveState()), ...(await fast.saveState())]),
    restoreState(state, steps) {
      for (const { optimizer, fast } of groups) optimizer.restoreState(ofGroup(state, fast), steps);
    },
    dispose() {
      for (const { optimizer } of groups) optimizer.dispose();
    },
  };
}

function isFast(name: string, shape: readonly number[]): boolean {
  return name.includes('.lora_B.') || shape.length === 1;
}

function ofGroup(state: StateTensors, fast: boolean): StateTensors {
  return new Map([...state].filter(([name, { shape }]) => isFast(name, shape) === fast));
}
