import { QUANTITY_KEYS, type QuantityKey } from '../../src/shared/quantities';
import type { LayerTable, RunModel } from '../../src/shared/run-model';

export interface LayerMatrix {
  readonly steps: readonly number[];
  /** Flat, row-major [steps, modules]. */
  readonly values: readonly number[];
  readonly source: 'step' | 'probe';
}

/** Where the run keeps a quantity; `undefined` if it never measured it. */
export function layerMatrix(model: RunModel, key: QuantityKey): LayerMatrix | undefined {
  const of = (table: LayerTable, source: 'step' | 'probe') => {
    const values = table.values[key];
    return values && table.steps.length > 0 ? { steps: table.steps, values, source } : undefined;
  };
  return of(model.probeLayers, 'probe') ?? of(model.stepLayers, 'step');
}

/** The quantities that this run has measured, in the order of `QUANTITIES`. */
export function measuredQuantities(model: RunModel): QuantityKey[] {
  return QUANTITY_KEYS.filter((key) => layerMatrix(model, key) !== undefined);
}

/** One module's column of a matrix. */
export function moduleValues(
  { steps, values }: Pick<LayerMatrix, 'steps' | 'values'>,
  module: number,
  modules: number,
): number[] {
  return steps.map((_, row) => values[row * modules + module] ?? NaN);
}

/** First, middle and last module, as the paper shows layers 1, 12 and 24. */
export function defaultLayers(model: RunModel): string[] {
  const { modules } = model.manifest;
  const last = modules.length - 1;
  const picked = [...new Set([0, Math.floor(last / 2), last])];
  return picked.flatMap((index) => modules[index]?.path ?? []);
}
