import type { Config } from '../../shared/config/schema';

/**
 * Learning rate of one step as a fraction of its peak, as transformers' schedules have it: the first
 * step of a warm-up is 0, and the last step is just above the end.
 * @param step 1-based
 */
export function lrFraction(
  { name, warmup_ratio, warmup_steps }: Config['schedule'],
  step: number,
  totalSteps: number,
): number {
  const warmup = warmup_steps ?? Math.ceil(warmup_ratio * totalSteps);
  const done = step - 1;
  if (done < warmup) return done / Math.max(1, warmup);
  if (name === 'constant') return 1;
  const rest = Math.max(1, totalSteps - warmup);
  if (name === 'linear') return Math.max(0, (totalSteps - done) / rest);
  return Math.max(0, 0.5 * (1 + Math.cos(Math.PI * ((done - warmup) / rest))));
}
