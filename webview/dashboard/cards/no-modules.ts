import { ADAPTERS } from '../../../src/shared/adapters';
import type { RunModel } from '../../../src/shared/run-model';

/** Why nothing can be said per layer: only pairs (A, B) are measured one by one. */
export function withoutModules({ manifest }: RunModel): string {
  const { title } = ADAPTERS[manifest.config.adapter.type];
  return `${title}: there are no pairs (A, B), so nothing is measured per layer.`;
}
