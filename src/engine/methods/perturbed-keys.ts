import type { ParameterMap, TrainableModel } from '../adapters/trainable-model';
import type { Config } from '../../shared/config/schema';

/**
 * Keys of what a method perturbs: the adapter, and with `perturb_head` the head as well. Where
 * nothing but the head is trained (`full`, `head`), everything is.
 */
export function perturbedKeys(
  { headKeys }: Pick<TrainableModel, 'headKeys'>,
  parameters: ParameterMap,
  { perturb_head }: Pick<Config['method'], 'perturb_head'>,
): readonly string[] {
  const all = [...parameters.keys()];
  const head = new Set(headKeys);
  const adapter = all.filter((key) => !head.has(key));
  return perturb_head || adapter.length === 0 ? all : adapter;
}
