import * as tf from '@tensorflow/tfjs-core';
import type { Config } from '../../shared/config/schema';
import { ADAPTER_KEY_PREFIX } from '../formats/peft-adapter';
import { parseAdapterConfig, type AdapterConfig } from '../formats/peft-config';
import { resolveTargets, savedModuleNames, type ModelModule } from '../formats/peft-targets';
import type { LinearSpec, ModelSpec } from '../models/architecture';
import { generatorFor, normal, uniform } from './initialise';
import type { AdaptedModule } from './trainable-model';

/**
 * A run's adapter settings as PEFT's config, with an explicit target list: ready to be saved.
 * @throws UserError `adapter-no-target`, `adapter-target-kind`, `regex-unsupported`
 */
export function peftConfig(adapter: Config['adapter'], spec: ModelSpec): AdapterConfig {
  const config = parseAdapterConfig(
    {
      ...adapter,
      init_from: undefined,
      peft_type: 'LORA',
      task_type: spec.headPath === undefined ? null : 'SEQ_CLS',
    },
    'adapter',
  );
  const saved = savedModuleNames(config);
  const withHead = { ...config, modules_to_save: saved.length > 0 ? [...saved] : null };
  if (Array.isArray(adapter.target_modules)) return withHead;
  const { modelType } = spec;
  const targets = resolveTargets({ modules: peftModules(spec), config, modelType });
  return {
    ...withHead,
    target_modules: shortTargets(
      targets.map(({ path }) => path),
      spec,
    ),
  };
}

/** The last parts of the paths if they name the same modules, as PEFT writes its defaults. */
function shortTargets(paths: readonly string[], spec: ModelSpec): string[] {
  const leaves = [...new Set(paths.map((path) => path.slice(path.lastIndexOf('.') + 1)))];
  const named = peftModules(spec).filter(({ path }) =>
    leaves.some((leaf) => path === leaf || path.endsWith(`.${leaf}`)),
  );
  return named.length === paths.length ? leaves : [...paths];
}

/** The modules of a model, as PEFT's rules for targets want them. */
export function peftModules(spec: ModelSpec): readonly ModelModule[] {
  return [
    ...spec.tables.map(({ path }): ModelModule => ({ path, kind: 'embedding' })),
    ...spec.norms.map(({ path }): ModelModule => ({ path, kind: 'other' })),
    ...spec.linears.map(({ path, isOutput }): ModelModule => ({ path, kind: 'linear', isOutput })),
  ];
}

/** PEFT's key of a state-dict name. */
export function peftKey(name: string): string {
  return `${ADAPTER_KEY_PREFIX}${name}`;
}

/** A linear layer with a branch of rank r and scale s. */
export function adaptedModule(
  { path, in: inputs, out }: LinearSpec,
  { r, scale }: { readonly r: number; readonly scale: number },
): AdaptedModule {
  return {
    path,
    out,
    in: inputs,
    rank: r,
    scaling: scale,
    loraA: peftKey(`${path}.lora_A.weight`),
    loraB: peftKey(`${path}.lora_B.weight`),
  };
}

/**
 * A fresh pair as PEFT starts it: A uniform in ±1/√in, or normal with deviation 1/r; B = 0.
 * @returns by key, A [r, in] and B [out, r]
 */
export function freshPair(
  module: AdaptedModule,
  init: Config['adapter']['init_lora_weights'],
  seed: number,
): readonly [string, tf.Tensor][] {
  const { rank, in: inputs, out, loraA, loraB } = module;
  const generator = generatorFor(seed, loraA);
  const size = rank * inputs;
  const a =
    init === 'gaussian'
      ? normal(size, 1 / rank, generator)
      : uniform(size, 1 / Math.sqrt(inputs), generator);
  return [
    [loraA, tf.tensor2d(a, [rank, inputs])],
    [loraB, tf.zeros([out, rank])],
  ];
}
