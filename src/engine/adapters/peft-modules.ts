import type { ModelModule } from '../formats/peft-targets';
import type { ModelSpec } from '../models/architecture';

/** The modules of a model, as PEFT's rules for targets want them. */
export function peftModules(spec: ModelSpec): readonly ModelModule[] {
  return [
    ...spec.tables.map(({ path }): ModelModule => ({ path, kind: 'embedding' })),
    ...spec.norms.map(({ path }): ModelModule => ({ path, kind: 'other' })),
    ...spec.linears.map(({ path, isOutput }): ModelModule => ({ path, kind: 'linear', isOutput })),
  ];
}
