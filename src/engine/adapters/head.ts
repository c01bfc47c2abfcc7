import type { Config } from '../../shared/config/schema';
import type { FlatscapeAdapterConfig } from '../formats/flatscape-adapter';
import type { ModelSpec } from '../models/architecture';
import type { AdapterPlan } from './adapter-plan';
import { flatscapeStore, storedFlatscape } from './flatscape-store';
import { isNamed, trainableShapes, trainedNames } from './trained-names';
import { UNCHANGED } from './unchanged';

/** The classifier alone, and the modules that `modules_to_save` lists. */
export function createHead(
  { modules_to_save = [] }: Pick<Config['adapter'], 'modules_to_save'>,
  spec: ModelSpec,
): AdapterPlan {
  const trained = headAndSaved(spec, modules_to_save);
  const config: FlatscapeAdapterConfig = {
    format: 1,
    type: 'head',
    base_model_name_or_path: null,
    modules_to_save: [...modules_to_save],
  };
  const shapes = new Map([...trainableShapes(spec)].filter(([name]) => trained.has(name)));
  return {
    ...UNCHANGED,
    trained,
    stored: (saved) => storedFlatscape(saved, config, shapes),
    store: () => flatscapeStore(config),
  };
}

/** State-dict names of the head's tensors and of the modules named. */
export function headAndSaved(spec: ModelSpec, names: readonly string[]): ReadonlySet<string> {
  const all = spec.headPath === undefined ? names : [spec.headPath, ...names];
  return trainedNames(spec, (path) => isNamed(all, path));
}
