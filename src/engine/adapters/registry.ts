import type { AdapterType } from '../../shared/adapters';
import { isPeftAdapter } from '../formats/flatscape-adapter';
import type { ModelSpec } from '../models/architecture';
import type { AdapterFactory, AdapterPlan, SavedAdapter } from './adapter-plan';
import { createBottleneckAdapter } from './bottleneck-adapter';
import { createFull } from './full';
import { createHead } from './head';
import { createLora, loraPlan } from './lora';
import { UNCHANGED } from './unchanged';

/** The implementation of every adapter that the config knows; the compiler keeps them in step. */
export const ADAPTER_FACTORIES: Readonly<Record<AdapterType, AdapterFactory>> = {
  lora: createLora,
  adapter: createBottleneckAdapter,
  full: createFull,
  head: createHead,
};

/** The plan of a saved adapter, as it was saved. */
export function savedPlan(saved: SavedAdapter, spec: ModelSpec): AdapterPlan {
  if (isPeftAdapter(saved)) return loraPlan(saved.config, spec);
  return saved.config.type === 'head'
    ? createHead(saved.config, spec)
    : createBottleneckAdapter(saved.config, spec);
}

/** The base model alone: nothing is trained, and nothing can be saved. */
export const BASE_ALONE: AdapterPlan = {
  ...UNCHANGED,
  trained: new Set(),
  stored: () => new Map(),
  store: () => ({
    save: () => Promise.reject(new Error('a model without an adapter cannot be saved')),
    restore: () => Promise.reject(new Error('a model without an adapter cannot be restored')),
  }),
};
