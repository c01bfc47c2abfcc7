import type { ModelDirectory } from '../formats/model-directory';
import { hasFused } from '../ops/fused';
import type { MemoryShape } from './memory-estimate';

/** The part of a `MemoryShape` that the headers of a model's files tell; nothing is trained in it. */
export function modelShape(
  directory: ModelDirectory,
): Omit<MemoryShape, 'trainable' | 'rows' | 'length'> & { readonly longest: number } {
  const number = (key: string, otherwise: number) => {
    const value = directory.config[key];
    return typeof value === 'number' ? value : otherwise;
  };
  const sizes = directory.names().map((name) => ({ name, shape: directory.shape(name) }));
  const count = (of: readonly number[]) => of.reduce((product, n) => product * n, 1);
  const all = sizes.reduce((sum, { shape }) => sum + count(shape), 0);
  const linears = sizes.filter(({ name, shape }) => shape.length === 2 && !/embedding/i.test(name));
  const frozenLinear = linears.reduce((sum, { shape }) => sum + count(shape), 0);
  const hidden = number('hidden_size', 768);
  return {
    ...{ frozenLinear, frozenOther: all - frozenLinear, hidden },
    layers: number('num_hidden_layers', 12),
    intermediate: number('intermediate_size', 4 * hidden),
    heads: number('num_attention_heads', 12),
    longest: number('max_position_embeddings', 512),
    fused: hasFused('attention'),
  };
}
