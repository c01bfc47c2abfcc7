import { UserError, type ErrorPlace } from '../../shared/errors';
import { scaleOf, type AdapterConfig } from './peft-config';
import { translatePythonRegex } from './python-regex';

/** One module of a model, by PEFT's path: `bert.encoder.layer.0.attention.self.query`. */
export interface ModelModule {
  readonly path: string;
  /** `conv1d` is GPT-2's transposed linear. Only `linear` and `conv1d` can be adapted. */
  readonly kind: 'linear' | 'conv1d' | 'embedding' | 'conv2d' | 'other';
  /** The output embedding or the classification head, which `all-linear` leaves out. */
  readonly isOutput?: boolean;
}

/** A module that gets an adapter, with rank, alpha and scale after the patterns. */
export interface AdapterTarget {
  readonly path: string;
  readonly kind: 'linear' | 'conv1d';
  readonly r: number;
  readonly loraAlpha: number;
  readonly scale: number;
}

/** PEFT's targets where none are named; ours for CLIP and Qwen-VL, for which PEFT has none. */
const DEFAULT_TARGETS: Readonly<Record<string, readonly string[] | string>> = {
  bert: ['query', 'value'],
  roberta: ['query', 'value'],
  gpt2: ['c_attn'],
  llama: ['q_proj', 'v_proj'],
  qwen2: ['q_proj', 'v_proj'],
  clip: ['q_proj', 'k_proj', 'v_proj'],
  // Language tower only: the vision tower has other names.
  qwen2_vl: ['q_proj', 'v_proj'],
  qwen2_5_vl: ['q_proj', 'v_proj'],
};

export interface ResolveTargetsOptions {
  readonly modules: readonly ModelModule[];
  readonly config: AdapterConfig;
  /** `model_type` of the model, for its default targets. */
  readonly modelType?: string;
  /** Of a saved adapter, for messages; absent for the section `adapter` of a config. */
  readonly file?: string;
}

/**
 * The modules that PEFT would adapt, in the order of `modules`.
 * @throws UserError `adapter-no-target` with the model's module names, `adapter-target-kind`,
 *         `regex-unsupported`
 */
export function resolveTargets(options: ResolveTargetsOptions): readonly AdapterTarget[] {
  const { modules, config, modelType = '' } = options;
  const targets = config.target_modules ?? DEFAULT_TARGETS[modelType] ?? null;
  if (targets === null) throw noTarget(options, `none, and no default for "${modelType}"`);
  const isTarget = targetTest(options, targets);
  const isExcluded = exclusionTest(config, options.file);
  const chosen = modules
    .filter((module) => isTarget(module) && !isExcluded(module.path))
    .map((module) => ({ ...adaptable(module, options.file), ...scaleOf(config, module.path) }));
  if (chosen.length === 0) throw noTarget(options, JSON.stringify(targets));
  return chosen;
}

/** The names whose modules are trained and saved whole: those listed, and a classifier's head. */
export function savedModuleNames(config: AdapterConfig): readonly string[] {
  const heads = config.task_type === 'SEQ_CLS' ? ['classifier', 'score'] : [];
  return [...new Set([...(config.modules_to_save ?? []), ...heads])];
}

/** True if `path` is a module saved whole, or lies inside one. */
export function isSavedModule(config: AdapterConfig, path: string): boolean {
  return savedModuleNames(config).some((name) =>
    translatePythonRegex(
      name,
      { at: 'modules_to_save' },
      { before: '^(?:^|.*\\.)', after: '(?:$|\\..*)' },
    ).test(path),
  );
}

function placeOf(file: string | undefined, key: string): ErrorPlace {
  return file === undefined ? { at: `adapter.${key}` } : { file, at: key };
}

type ModuleTest = (module: ModelModule) => boolean;

function targetTest(
  options: ResolveTargetsOptions,
  targets: readonly string[] | string,
): ModuleTest {
  const place = placeOf(options.file, 'target_modules');
  if (typeof targets !== 'string') {
    const inLayer = layerTest(options.config, options.file);
    // An entry that is the whole path is taken whatever its layer.
    return ({ path }) =>
      targets.includes(path) || (targets.some((name) => endsWith(path, name)) && inLayer(path));
  }
  if (targets.toLowerCase() === 'all-linear')
    return ({ kind, isOutput }) => (kind === 'linear' || kind === 'conv1d') && !isOutput;
  const regex = translatePythonRegex(targets, place);
  return ({ path }) => regex.test(path);
}

function endsWith(path: string, name: string): boolean {
  return path.endsWith(`.${name}`);
}

function exclusionTest(config: AdapterConfig, file?: string): (path: string) => boolean {
  const { exclude_modules: excluded } = config;
  const place = placeOf(file, 'exclude_modules');
  const isSaved = (path: string): boolean => isSavedModule(config, path);
  if (!excluded?.length) return isSaved;
  if (typeof excluded === 'string') {
    const regex = translatePythonRegex(excluded, place);
    return (path) => regex.test(path) || isSaved(path);
  }
  return (path) => excluded.some((name) => path === name || endsWith(path, name)) || isSaved(path);
}

/** `layers_to_transform`: the first numbered segment of the path, after one of the patterns. */
function layerTest(config: AdapterConfig, file?: string): (path: string) => boolean {
  const { layers_to_transform: layers, layers_pattern: patterns } = config;
  if (layers === null || (Array.isArray(layers) && layers.length === 0)) return () => true;
  const wanted = Array.isArray(layers) ? layers : [layers];
  const place = placeOf(file, 'layers_pattern');
  const after = '\\.(?<layerIndex>\\d+)\\.';
  const regexes = patterns?.length
    ? [patterns]
        .flat()
        .map((name) => translatePythonRegex(name, place, { before: '^(?:^|.*?\\.)', after }))
    : [new RegExp(`^.*?\\.[^.]*${after}`, 'u')];
  return (path) => {
    for (const regex of regexes) {
      const index = regex.exec(path)?.groups?.['layerIndex'];
      if (index !== undefined) return wanted.includes(Number(index));
    }
    return false;
  };
}

function adaptable(
  { path, kind }: ModelModule,
  file: string | undefined,
): { path: string; kind: 'linear' | 'conv1d' } {
  if (kind === 'linear' || kind === 'conv1d') return { path, kind };
  throw new UserError({
    code: 'adapter-target-kind',
    message: `target_modules names a module that cannot be adapted (${kind})`,
    place: placeOf(file, 'target_modules'),
    expected: 'linear layers',
    found: path,
    remedy: 'Make `target_modules` more specific, or list the module in `exclude_modules`.',
  });
}

function noTarget({ modules, file }: ResolveTargetsOptions, found: string): UserError {
  const linear = modules.filter(({ kind }) => kind === 'linear' || kind === 'conv1d');
  const leaves = new Set(linear.map(({ path }) => path.slice(path.lastIndexOf('.') + 1)));
  const example = linear[0]?.path;
  return new UserError({
    code: 'adapter-no-target',
    message: 'no module of the model is to be adapted',
    place: placeOf(file, 'target_modules'),
    expected: `names such as ${[...leaves].join(', ')}${example ? ` (for instance ${example})` : ''}`,
    found,
    remedy: 'Name some of these, or `all-linear`; `exclude_modules` must not take them all out.',
  });
}
