import type { QuantityKey } from '../../src/shared/quantities';
import type { LayerTable, RunModel } from '../../src/shared/run-model';
import { moduleValues } from './layer-series';

export const BOUNDS = ['boundPaper', 'boundSigmaMin', 'boundTight'] as const;
export type BoundKey = (typeof BOUNDS)[number];

/**
 * The journal keeps seven significant digits, so rate and bound each carry half a unit of the
 * seventh. Where the two are equal in exact arithmetic (bound 1 at rank 1) that is no violation.
 */
const ROUNDING = 1e-6;

export interface TheoremSeries {
  readonly steps: readonly number[];
  /** ⟨E, g̃_B⟩ */
  readonly rate: number[];
  /** (𝔅_{t+1} − 𝔅_t) / η_t, from the balancedness recorded at two steps in a row. */
  readonly measured: number[];
  readonly bounds: Record<BoundKey, number[]>;
}

/** The panel's lines for one module; `undefined` while no rate has been recorded. */
export function theoremSeries(model: RunModel, module: number): TheoremSeries | undefined {
  const table = model.stepLayers;
  if (!table.values.balancednessRate || table.steps.length === 0) return undefined;
  const width = model.manifest.modules.length;
  const column = (key: QuantityKey) =>
    moduleValues({ steps: table.steps, values: table.values[key] ?? [] }, module, width);
  return {
    steps: table.steps,
    rate: column('balancednessRate'),
    measured: measuredRate(model, column('balancedness')),
    bounds: {
      boundPaper: column('boundPaper'),
      boundSigmaMin: column('boundSigmaMin'),
      boundTight: column('boundTight'),
    },
  };
}

/**
 * The journal's 𝔅 of step t is that of the factors the step began with, so step t's change is the
 * difference to the next row. NaN where the next step was not recorded, or η is 0.
 */
function measuredRate(model: RunModel, balancedness: readonly number[]): number[] {
  const { steps } = model.stepLayers;
  const firstStep = model.steps.step[0] ?? 1;
  return steps.map((step, row) => {
    const lr = model.steps.lr[step - firstStep] ?? NaN;
    if (steps[row + 1] !== step + 1 || !(lr > 0)) return NaN;
    return ((balancedness[row + 1] ?? NaN) - (balancedness[row] ?? NaN)) / lr;
  });
}

export interface BoundCount {
  /** Steps with a finite rate and a finite bound. */
  checked: number;
  violated: number;
  /** Largest |rate| / bound; 0 before the first. */
  worst: number;
}

/** Per module and bound, how often |rate| exceeded it. */
export type BoundCounts = Record<BoundKey, BoundCount[]>;

/**
 * Counts violations on every recorded row, never on drawn points. Remembers how far it has come:
 * 200 modules times 10,000 steps are not counted again at each update.
 */
export class ViolationCounter {
  #rows = 0;
  #lastStep = -1;
  #counts: BoundCounts = emptyCounts();

  update(table: LayerTable, modules: number): BoundCounts {
    // A resumed run voids rows: whatever was counted from them is void, too.
    if (this.#rows > 0 && table.steps[this.#rows - 1] !== this.#lastStep) {
      this.#rows = 0;
      this.#counts = emptyCounts();
    }
    for (const bound of BOUNDS) this.#countBound(table, bound, modules);
    this.#rows = table.steps.length;
    this.#lastStep = table.steps.at(-1) ?? -1;
    return this.#counts;
  }

  #countBound(table: LayerTable, bound: BoundKey, modules: number): void {
    const rates = table.values.balancednessRate;
    const limits = table.values[bound];
    if (!rates || !limits) return;
    for (let i = this.#rows * modules; i < table.steps.length * modules; i++) {
      const ratio = Math.abs(rates[i] ?? NaN) / (limits[i] ?? NaN);
      if (!Number.isFinite(ratio)) continue;
      const count = (this.#counts[bound][i % modules] ??= { checked: 0, violated: 0, worst: 0 });
      count.checked++;
      if (ratio > 1 + ROUNDING) count.violated++;
      if (ratio > count.worst) count.worst = ratio;
    }
  }
}

/** The counts of all modules together. */
export function totalCount(counts: readonly (BoundCount | undefined)[]): BoundCount {
  const total = { checked: 0, violated: 0, worst: 0 };
  for (const count of counts) {
    total.checked += count?.checked ?? 0;
    total.violated += count?.violated ?? 0;
    total.worst = Math.max(total.worst, count?.worst ?? 0);
  }
  return total;
}

function emptyCounts(): BoundCounts {
  return { boundPaper: [], boundSigmaMin: [], boundTight: [] };
}
