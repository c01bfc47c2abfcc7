import { join } from 'node:path';
import { UserError, type ErrorPlace } from '../../shared/errors';
import { ADAPTER_KEY_PREFIX, ADAPTER_WEIGHTS, type PeftAdapter } from './peft-adapter';
import {
  isSavedModule,
  resolveTargets,
  type AdapterTarget,
  type ModelModule,
} from './peft-targets';
import type { F32Tensor } from './safetensors-read';

/** The tensors of one adapted module. */
export interface LoraTensors {
  readonly target: AdapterTarget;
  /** A [r, in]. */
  readonly loraA: F32Tensor;
  /** B [out, r]. */
  readonly loraB: F32Tensor;
  /** [out], with `lora_bias`; multiplied by the scale like B. */
  readonly loraBBias?: F32Tensor;
  /** m [out], with `use_dora`. */
  readonly magnitude?: F32Tensor;
}

/** An adapter sorted by what its tensors do in a given model. Paths are the model's. */
export interface ArrangedAdapter {
  readonly lora: ReadonlyMap<string, LoraTensors>;
  /** Modules saved whole, by tensor name (`classifier.weight`). */
  readonly saved: ReadonlyMap<string, F32Tensor>;
  /** Biases of the base model that were trained, by tensor name, with `bias` not "none". */
  readonly biases: ReadonlyMap<string, F32Tensor>;
}

export interface ArrangeOptions {
  readonly adapter: PeftAdapter;
  readonly modules: readonly ModelModule[];
  readonly modelType?: string;
}

/**
 * Sorts an adapter's tensors by module, and checks that it belongs to this model: PEFT ignores
 * unexpected keys and only warns about missing ones, which leaves B at zero; here both are errors,
 * and so is a missing classification head.
 * @throws UserError `adapter-key-unexpected`, `adapter-key-missing`, `adapter-shape`, and those of
 *         `resolveTargets`
 */
export function arrangeAdapter(options: ArrangeOptions): ArrangedAdapter {
  const { adapter, modules, modelType } = options;
  const { config, dir } = adapter;
  const file = join(dir, ADAPTER_WEIGHTS);
  const targets = resolveTargets({ modules, config, file, ...(modelType && { modelType }) });
  const remaining = new Map<string, F32Tensor>();
  const renamed = renamer(modules);
  for (const [key, tensor] of adapter.tensors)
    remaining.set(renamed(key.slice(ADAPTER_KEY_PREFIX.length)), tensor);

  const take = (name: string): F32Tensor => {
    const tensor = remaining.get(name);
    if (!tensor) throw missingKey(file, name);
    remaining.delete(name);
    return tensor;
  };
  const lora = new Map<string, LoraTensors>();
  for (const target of targets) {
    const { path } = target;
    const tensors: LoraTensors = {
      target,
      loraA: take(`${path}.lora_A.weight`),
      loraB: take(`${path}.lora_B.weight`),
      ...(config.lora_bias && { loraBBias: take(`${path}.lora_B.bias`) }),
      ...(config.use_dora && { magnitude: take(`${path}.lora_magnitude_vector`) }),
    };
    checkShapes(tensors, { file, at: path });
    lora.set(path, tensors);
  }
  const saved = new Map<string, F32Tensor>();
  for (const { path, kind } of modules)
    if ((kind === 'linear' || kind === 'conv1d') && isSavedModule(config, path))
      saved.set(`${path}.weight`, take(`${path}.weight`));
  const biases = new Map<string, F32Tensor>();
  for (const [name, tensor] of remaining) {
    if (isSavedModule(config, name)) saved.set(name, tensor);
    else if (config.bias !== 'none' && name.endsWith('.bias') && !name.includes('.lora_'))
      biases.set(name.replace(/\.base_layer\.bias$/, '.bias'), tensor);
    else throw unexpectedKey(file, name, targets);
  }
  return { lora, saved, biases };
}

/** A saved Qwen-VL adapter of an old release names its modules without the language tower. */
function renamer(modules: readonly ModelModule[]): (name: string) => string {
  const paths = modules.map(({ path }) => path);
  const hasTowers = paths.some((path) => path.startsWith('model.language_model.layers.'));
  if (!hasTowers || paths.some((path) => path.startsWith('model.layers.'))) return (name) => name;
  return (name) =>
    name
      .replace(/^model\.layers\./, 'model.language_model.layers.')
      .replace(/^visual\./, 'model.visual.');
}

function checkShapes({ target, loraA, loraB }: LoraTensors, place: ErrorPlace): void {
  const { r } = target;
  const fits = loraA.shape.length === 2 && loraB.shape.length === 2;
  if (fits && loraA.shape[0] === r && loraB.shape[1] === r) return;
  throw new UserError({
    code: 'adapter-shape',
    message: 'the adapter’s tensors do not have the rank of its configuration',
    place,
    expected: `A [${r}, in] and B [out, ${r}]`,
    found: `A [${loraA.shape.join(', ')}] and B [${loraB.shape.join(', ')}]`,
  });
}

function missingKey(file: string, name: string): UserError {
  const head = !name.includes('.lora_');
  return new UserError({
    code: 'adapter-key-missing',
    message: head
      ? 'the adapter lacks a module that must be saved with it, such as the classification head'
      : 'the adapter lacks a tensor for a module that it names as a target',
    place: { file, at: ADAPTER_KEY_PREFIX + name },
    remedy: 'Check that the adapter was trained on this model and task, and saved completely.',
  });
}

function unexpectedKey(file: string, name: string, targets: readonly AdapterTarget[]): UserError {
  return new UserError({
    code: 'adapter-key-unexpected',
    message: 'the adapter holds a tensor that has no place in this model',
    place: { file, at: ADAPTER_KEY_PREFIX + name },
    expected: `tensors for ${targets.length} modules such as ${targets[0]?.path ?? 'none'}`,
    remedy: 'Check that the adapter was trained on this model.',
  });
}
