import * as tf from '@tensorflow/tfjs-core';
import { join } from 'node:path';
import { UserError } from '../../shared/errors';
import { ADAPTER_WEIGHTS, peftKey, type PeftAdapter } from '../formats/peft-adapter';
import { arrangeAdapter, type ArrangedAdapter } from '../formats/peft-arrange';
import type { F32Tensor } from '../formats/safetensors-read';
import type { ModelSpec } from '../models/architecture';
import { isPeftAdapter } from '../formats/flatscape-adapter';
import type { SavedAdapter } from './adapter-plan';
import { trainableShapes } from './trained-names';
import { peftModules } from './peft-modules';
import type { AdaptedModule } from './trainable-model';

interface StoredOptions {
  readonly adapter: SavedAdapter;
  readonly spec: ModelSpec;
  /** The modules that the run adapts, by path. */
  readonly adapted: ReadonlyMap<string, AdaptedModule>;
  /** State-dict names of what is trained in full. */
  readonly trained: ReadonlySet<string>;
}

/**
 * The values of a saved adapter as parameters of this model: modules, ranks, scales and shapes
 * must be those of the run, and nothing may be left over.
 * @returns by PEFT key, in the order of the model
 * @throws UserError `adapter-mismatch`, `adapter-unsupported`, and those of `arrangeAdapter`
 */
export function storedParameters(options: StoredOptions): Map<string, tf.Tensor> {
  const { adapter, spec, adapted, trained } = options;
  if (!isPeftAdapter(adapter)) throw otherKind(adapter.dir, adapter.config.type, 'lora');
  const arranged = arrangeAdapter({
    adapter,
    modules: peftModules(spec),
    modelType: spec.modelType,
  });
  refuseExtensions(adapter);
  checkModules(arranged, { adapter, adapted, trained });
  const values = new Map<string, F32Tensor>();
  for (const module of adapted.values()) {
    const lora = arranged.lora.get(module.path);
    if (!lora) throw new Error(`${module.path} was checked and is not there`);
    const { out, in: inputs, rank } = module;
    values.set(module.loraA, checked(lora.loraA, [rank, inputs], { adapter, key: module.loraA }));
    values.set(module.loraB, checked(lora.loraB, [out, rank], { adapter, key: module.loraB }));
    const key = module.magnitude;
    if (key !== undefined) values.set(key, checked(lora.magnitude, [out], { adapter, key }));
  }
  const shapes = trainableShapes(spec);
  for (const name of trained) {
    const key = peftKey(name);
    values.set(key, checked(arranged.saved.get(name), shapes.get(name) ?? [], { adapter, key }));
  }
  return new Map(
    [...values].map(([key, { values, shape }]) => [key, tf.tensor(values, [...shape])]),
  );
}

function refuseExtensions({ dir, config }: PeftAdapter): void {
  const used = [config.lora_bias && 'lora_bias', config.bias !== 'none' && 'bias'].find(
    (name) => name !== false,
  );
  if (used === undefined) return;
  throw new UserError({
    code: 'adapter-unsupported',
    message: `the adapter uses ${used}, which is not supported`,
    place: { file: dir, at: used },
    remedy: 'Merge the adapter into its base model with PEFT, and use the merged model.',
  });
}

function checkModules(
  arranged: ArrangedAdapter,
  {
    adapter,
    adapted,
    trained,
  }: Pick<StoredOptions, 'adapted' | 'trained'> & { readonly adapter: PeftAdapter },
): void {
  const describe = (path: string, rank: number, scale: number, magnitude: unknown): string =>
    `${path} (rank ${rank}, scale ${scale}${magnitude ? ', DoRA' : ''})`;
  const wanted = [...adapted.values()].map((m) => describe(m.path, m.rank, m.scaling, m.magnitude));
  const found = [...arranged.lora.values()].map(({ target, magnitude }) =>
    describe(target.path, target.r, target.scale, magnitude),
  );
  const differences = differing([...wanted, ...trained], [...found, ...arranged.saved.keys()]);
  if (!differences) return;
  throw new UserError({
    code: 'adapter-mismatch',
    message: 'the saved adapter is not of the form that this run trains',
    place: { file: adapter.dir },
    ...differences,
    remedy:
      'Give `adapter` the r, lora_alpha, use_dora, target_modules and modules_to_save that it has.',
  });
}

/** The first member of each list that the other lacks. */
function differing(
  wanted: readonly string[],
  found: readonly string[],
): { expected: string; found: string } | undefined {
  const missing = wanted.find((item) => !found.includes(item));
  const extra = found.find((item) => !wanted.includes(item));
  if (missing === undefined && extra === undefined) return undefined;
  return { expected: missing ?? `no ${extra}`, found: extra ?? `no ${missing}` };
}

function checked(
  tensor: F32Tensor | undefined,
  shape: readonly number[],
  { adapter, key }: { readonly adapter: PeftAdapter; readonly key: string },
): F32Tensor {
  const found = tensor?.shape ?? [];
  const fits = found.length === shape.length && shape.every((n, i) => n === found[i]);
  if (tensor && fits) return tensor;
  throw new UserError({
    code: 'adapter-shape',
    message: 'a tensor of the adapter does not fit the model',
    place: { file: join(adapter.dir, ADAPTER_WEIGHTS), at: key },
    expected: `[${shape.join(', ')}]`,
    found: tensor ? `[${found.join(', ')}]` : 'nothing',
  });
}

/** An adapter of another kind than the run trains. */
export function otherKind(dir: string, found: string, wanted: string): UserError {
  return new UserError({
    code: 'adapter-mismatch',
    message: 'the saved adapter is not of the kind that this run trains',
    place: { file: dir },
    expected: `type ${wanted}`,
    found: `type ${found}`,
    remedy: `Set \`adapter.type: ${found}\`, or start from another adapter.`,
  });
}
