import type { AdapterPlan } from './adapter-plan';

/** A plan that adds nothing to the model. */
export const UNCHANGED: Pick<
  AdapterPlan,
  'adapted' | 'bottlenecks' | 'loraDropout' | 'peft' | 'start'
> = {
  adapted: new Map(),
  bottlenecks: new Map(),
  loraDropout: 0,
  peft: undefined,
  start: () => ({ adopt: (_path, weight) => weight, initial: () => new Map() }),
};
