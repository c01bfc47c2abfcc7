import { ADAPTERS } from '../../shared/adapters';
import type { Config } from '../../shared/config/schema';
import { peftKey } from '../formats/peft-adapter';
import { parseAdapterConfig, type AdapterConfig } from '../formats/peft-config';
import { isSavedModule, resolveTargets, savedModuleNames } from '../formats/peft-targets';
import type { LinearSpec, ModelSpec } from '../models/architecture';
import type { AdapterPlan } from './adapter-plan';
import { isDecomposedInit } from './decomposed-start';
import { trainedNames } from './trained-names';
import { loraStart, type DecomposedFactors } from './lora-start';
import { peftModules } from './peft-modules';
import { peftStore } from './peft-store';
import { storedParameters } from './stored-parameters';
import type { AdaptedModule } from './trainable-model';

/** LoRA and its kin (DoRA, PiSSA, OLoRA), as the config sets it. */
export function createLora(settings: Config['adapter'], spec: ModelSpec): AdapterPlan {
  return loraPlan(peftConfig(settings, spec), spec, settings.init_lora_weights);
}

/** LoRA as a saved adapter's config has it; `init` is for a fresh start. */
export function loraPlan(
  peft: AdapterConfig,
  spec: ModelSpec,
  init: Config['adapter']['init_lora_weights'] = true,
): AdapterPlan {
  const adapted = adaptedModules(spec, peft);
  const trained = trainedNames(spec, (path) => isSavedModule(peft, path));
  const decomposed: DecomposedFactors = new Map();
  return {
    trained,
    adapted,
    bottlenecks: new Map(),
    loraDropout: peft.lora_dropout,
    peft,
    start: (seed) => loraStart({ adapted, init, seed, decomposed }),
    stored: (adapter) => storedParameters({ adapter, spec, adapted, trained }),
    store: () => peftStore({ peft, adapted, decomposed }),
  };
}

/**
 * A run's adapter settings as PEFT's config, with an explicit target list: ready to be saved.
 * @throws UserError `adapter-no-target`, `adapter-target-kind`, `regex-unsupported`
 */
export function peftConfig(adapter: Config['adapter'], spec: ModelSpec): AdapterConfig {
  // PEFT would repeat a decomposition; checkpoints hold the difference to it (`peft-store.ts`).
  const { init_lora_weights: init } = adapter;
  const config = parseAdapterConfig(
    {
      ...Object.fromEntries(ADAPTERS.lora.reads.map((key) => [key, adapter[key]])),
      init_lora_weights: isDecomposedInit(init) ? true : init,
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

/** By module path, in the order of the model. */
function adaptedModules(
  spec: ModelSpec,
  config: AdapterConfig,
): ReadonlyMap<string, AdaptedModule> {
  const targets = resolveTargets({ modules: peftModules(spec), config, modelType: spec.modelType });
  const linears = new Map(spec.linears.map((linear) => [linear.path, linear]));
  return new Map(
    targets.map(({ path, r, scale }) => {
      const linear = linears.get(path);
      if (!linear) throw new Error(`${path} is not a linear layer`);
      return [path, adaptedModule(linear, { r, scale, dora: config.use_dora })];
    }),
  );
}

/** A linear layer with a branch of rank r and scale s. */
function adaptedModule(
  { path, in: inputs, out }: LinearSpec,
  { r, scale, dora }: { readonly r: number; readonly scale: number; readonly dora: boolean },
): AdaptedModule {
  return {
    path,
    out,
    in: inputs,
    rank: r,
    scaling: scale,
    loraA: peftKey(`${path}.lora_A.weight`),
    loraB: peftKey(`${path}.lora_B.weight`),
    ...(dora && { magnitude: peftKey(`${path}.lora_magnitude_vector`) }),
  };
}
