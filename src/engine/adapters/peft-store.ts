import * as tf from '@tensorflow/tfjs-core';
import { join } from 'node:path';
import { UserError } from '../../shared/errors';
import { ADAPTER_WEIGHTS, writePeftAdapter } from '../formats/peft-adapter';
import type { AdapterConfig } from '../formats/peft-config';
import type { WritableTensor } from '../formats/safetensors-write';
import type { AdapterStore } from './adapter-plan';
import type { DecomposedFactors } from './lora-start';
import { readParameters } from './read-parameters';
import type { AdaptedModule } from './trainable-model';

interface PeftStoreOptions {
  readonly peft: AdapterConfig;
  readonly adapted: ReadonlyMap<string, AdaptedModule>;
  readonly decomposed: DecomposedFactors;
}

/**
 * Checkpoints as PEFT writes adapters. Where the start took sB₀A₀ out of the base weights, the
 * difference sBA − sB₀A₀ to the untouched base is written, as a plain adapter of rank 2r with
 * A′ = [A; A₀] and B′ = [B, −B₀]: what PEFT's own conversion gives, and what it loads as it is.
 */
export function peftStore({ peft, adapted, decomposed }: PeftStoreOptions): AdapterStore {
  const modules = [...adapted.values()].filter(({ path }) => decomposed.has(path));
  return {
    async save(dir, { tensors, card, base }) {
      const config = modules.length > 0 ? doubled(peft) : peft;
      const written = modules.length > 0 ? differences(tensors, modules, decomposed) : tensors;
      await writePeftAdapter(dir, {
        config: { ...config, base_model_name_or_path: base },
        tensors: written,
        card,
      });
    },
    async restore(dir, like) {
      const file = join(dir, ADAPTER_WEIGHTS);
      if (modules.length === 0) return readParameters(file, like);
      const wide = modules.flatMap(({ loraA, loraB, rank, in: inputs, out }) => [
        [loraA, { shape: [2 * rank, inputs] }] as const,
        [loraB, { shape: [out, 2 * rank] }] as const,
      ]);
      const read = await readParameters(
        file,
        new Map<string, { readonly shape: readonly number[] }>([...like, ...wide]),
      );
      const parameters = new Map(read);
      for (const module of modules) await takeFirstHalf(parameters, module, { file, decomposed });
      return parameters;
    },
  };
}

/** The same scale at twice the rank: 2α/2r, or √2 α/√(2r). */
function doubled(config: AdapterConfig): AdapterConfig {
  const factor = config.use_rslora ? Math.SQRT2 : 2;
  return { ...config, r: 2 * config.r, lora_alpha: factor * config.lora_alpha };
}

function differences(
  tensors: readonly WritableTensor[],
  modules: readonly AdaptedModule[],
  decomposed: DecomposedFactors,
): readonly WritableTensor[] {
  const moduleOf = new Map(modules.flatMap((m) => [m.loraA, m.loraB].map((key) => [key, m])));
  return tensors.map((tensor) => {
    const module = moduleOf.get(tensor.name);
    const start = module && decomposed.get(module.path);
    if (!module || !start) return tensor;
    const { rank, out, in: inputs } = module;
    const values = tensor.values as Float32Array;
    if (tensor.name === module.loraA) {
      const both = new Float32Array(2 * rank * inputs);
      both.set(values);
      both.set(start.loraA, rank * inputs);
      return { name: tensor.name, shape: [2 * rank, inputs], values: both };
    }
    const both = new Float32Array(2 * rank * out);
    for (let row = 0; row < out; row++)
      for (let j = 0; j < rank; j++) {
        both[row * 2 * rank + j] = values[row * rank + j] as number;
        both[row * 2 * rank + rank + j] = -(start.loraB[row * rank + j] as number);
      }
    return { name: tensor.name, shape: [out, 2 * rank], values: both };
  });
}

/** A and B of A′ and B′; the base is right for them only if A₀ is that of this run. */
async function takeFirstHalf(
  parameters: Map<string, tf.Tensor>,
  { path, loraA, loraB, rank, in: inputs, out }: AdaptedModule,
  { file, decomposed }: { readonly file: string; readonly decomposed: DecomposedFactors },
): Promise<void> {
  const [a, b] = [parameters.get(loraA), parameters.get(loraB)] as [tf.Tensor2D, tf.Tensor2D];
  const [first, second] = tf.split(a, 2, 0) as [tf.Tensor2D, tf.Tensor2D];
  const stored = (await second.data()) as Float32Array;
  parameters.set(loraA, first).set(
    loraB,
    tf.tidy(() => tf.slice(b, [0, 0], [out, rank])),
  );
  tf.dispose([a, b, second]);
  const start = decomposed.get(path);
  if (start?.loraA.every((value, i) => value === stored[i])) return;
  throw new UserError({
    code: 'adapter-mismatch',
    message: 'the decomposition of the base weights is not the one that this adapter began with',
    place: { file, at: loraA },
    expected: `A₀ [${rank}, ${inputs}] as this machine computes it`,
    found: 'other values',
  });
}
