import * as tf from '@tensorflow/tfjs-core';
import { peftKey } from '../formats/peft-adapter';
import type { ModelSpec } from '../models/architecture';
import type { FrozenTable } from '../ops/embedding';
import { frozenLinear, type FrozenLinear } from '../ops/linear';
import type { AdapterPlan, AdapterStart } from './adapter-plan';
import { rowSquares } from './lora-start';
import type { FrozenNorm } from './network';
import type { StateDict } from './state-dict';

export interface LoadedParts {
  /** Frozen parts by module path. */
  readonly frozen: ReadonlyMap<string, FrozenLinear>;
  readonly norms: ReadonlyMap<string, FrozenNorm>;
  readonly tables: ReadonlyMap<string, FrozenTable>;
  /** DoRA: ‖W_i‖² of each output row [out] of the frozen weight, by module path. */
  readonly rowSquares: ReadonlyMap<string, tf.Tensor1D>;
  /** Starting values of what is trained in full, by PEFT key; the caller disposes them. */
  readonly trained: ReadonlyMap<string, tf.Tensor>;
  /** Frees the frozen parts. */
  dispose(): void;
}

interface LoadOptions {
  readonly state: StateDict;
  readonly spec: ModelSpec;
  readonly plan: Pick<AdapterPlan, 'trained' | 'adapted'>;
  /** Sees each frozen weight; absent where a saved adapter is loaded. */
  readonly start: AdapterStart | undefined;
  readonly onProgress: ((done: number, total: number) => void) | undefined;
}

/** Reads all tensors of a model, one after the other, and moves them to the backend. */
export async function loadParts({
  state,
  spec,
  plan,
  start,
  onProgress,
}: LoadOptions): Promise<LoadedParts> {
  let done = 0;
  const read = async (name: string): Promise<Float32Array> => {
    const values = await state.read(name);
    // A tied tensor is read twice and counted once.
    onProgress?.(Math.min(++done, state.shapes.size), state.shapes.size);
    return values;
  };
  const trained = new Map<string, tf.Tensor>();
  const readTrained = async (names: readonly string[]): Promise<void> => {
    for (const name of names)
      trained.set(peftKey(name), tf.tensor(await read(name), [...(state.shapes.get(name) ?? [])]));
  };

  const tables = new Map<string, FrozenTable>();
  for (const { path, entries, width } of spec.tables) {
    const name = `${path}.weight`;
    if (plan.trained.has(name)) await readTrained([name]);
    else tables.set(path, { values: await read(name), entries, width });
  }

  const norms = new Map<string, FrozenNorm>();
  for (const { path } of spec.norms) {
    const names = [`${path}.weight`, `${path}.bias`] as const;
    if (plan.trained.has(names[0])) await readTrained(names);
    else {
      const gamma = tf.tensor1d(await read(names[0]));
      norms.set(path, { gamma, beta: tf.tensor1d(await read(names[1])) });
    }
  }

  const frozen = new Map<string, FrozenLinear>();
  const squares = new Map<string, tf.Tensor1D>();
  for (const { path, weight, bias, out, in: inputs } of spec.linears) {
    if (plan.trained.has(weight)) await readTrained([weight, bias]);
    else {
      const whole = await read(weight);
      const kept = start?.adopt(path, whole) ?? whole;
      frozen.set(path, frozenLinear(kept, await read(bias), [out, inputs]));
      if (plan.adapted.get(path)?.magnitude)
        squares.set(path, tf.tensor1d(rowSquares(kept, out, inputs)));
    }
  }

  return {
    frozen,
    norms,
    tables,
    rowSquares: squares,
    trained,
    dispose: () => {
      for (const linear of frozen.values()) linear.dispose();
      for (const { gamma, beta } of norms.values()) tf.dispose([gamma, beta]);
      tf.dispose([...squares.values()]);
    },
  };
}
