import * as tf from '@tensorflow/tfjs-core';
import type { ModelSpec } from '../models/architecture';
import type { EmbeddingTable } from '../ops/embedding';
import { frozenLinear, type FrozenLinear } from '../ops/linear';
import { peftKey } from './lora';
import type { FrozenNorm } from './network';
import type { StateDict } from './state-dict';

export interface LoadedParts {
  /** Frozen parts by module path. */
  readonly frozen: ReadonlyMap<string, FrozenLinear>;
  readonly norms: ReadonlyMap<string, FrozenNorm>;
  readonly tables: ReadonlyMap<string, EmbeddingTable>;
  /** Starting values of what is trained in full, by PEFT key; the caller disposes them. */
  readonly trained: ReadonlyMap<string, tf.Tensor>;
  /** Frees the frozen parts. */
  dispose(): void;
}

interface LoadOptions {
  readonly state: StateDict;
  readonly spec: ModelSpec;
  /** State-dict names of what is trained in full. */
  readonly trained: ReadonlySet<string>;
  readonly onProgress: ((done: number, total: number) => void) | undefined;
}

/** Reads all tensors of a model, one after the other, and moves them to the backend. */
export async function loadParts({
  state,
  spec,
  trained: trainedNames,
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

  const tables = new Map<string, EmbeddingTable>();
  for (const { path, entries, width } of spec.tables)
    tables.set(path, { values: await read(`${path}.weight`), entries, width });

  const norms = new Map<string, FrozenNorm>();
  for (const { path } of spec.norms) {
    const names = [`${path}.weight`, `${path}.bias`] as const;
    if (trainedNames.has(names[0])) await readTrained(names);
    else {
      const gamma = tf.tensor1d(await read(names[0]));
      norms.set(path, { gamma, beta: tf.tensor1d(await read(names[1])) });
    }
  }

  const frozen = new Map<string, FrozenLinear>();
  for (const { path, weight, bias, out, in: inputs } of spec.linears) {
    if (trainedNames.has(weight)) await readTrained([weight, bias]);
    else frozen.set(path, frozenLinear(await read(weight), await read(bias), [out, inputs]));
  }

  return {
    frozen,
    norms,
    tables,
    trained,
    dispose: () => {
      for (const linear of frozen.values()) linear.dispose();
      for (const { gamma, beta } of norms.values()) tf.dispose([gamma, beta]);
    },
  };
}
