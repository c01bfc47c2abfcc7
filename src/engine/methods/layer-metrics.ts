import { radiusInW, type ModuleGeometry } from '../algebra/module-geometry';
import { type AppliedGrams } from '../algebra/applied-perturbation';
import { type Perturbation } from '../algebra/perturbation';
import { conditionNumber, trace, traceOfProduct } from '../algebra/small-matrix';
import type { LayerValues, QuantityKey } from '../../shared/quantities';
import { balancedness, balancednessRate } from '../theory/theorem1';

/** What a step knows of one module; the parts a method does not have are absent. */
export interface ModuleStep {
  /** At the clean factors. */
  readonly clean: Pick<ModuleGeometry, 'kA' | 'kB' | 'eigenA' | 'eigenB'>;
  /** Geometry where the update gradient was taken. */
  readonly at: ModuleGeometry;
  /** Of the perturbation that was applied there (E, or Ê_{t−1}). */
  readonly applied?: AppliedGrams;
  /** The perturbation computed at this step. */
  readonly computed?: Perturbation;
  /** cos(E_t, Ê_{t−1}), where there is an average. */
  readonly alignment?: number;
}

/** The every-step quantities of `QUANTITIES`, one value per module; NaN where there is none. */
export function layerMetrics(
  steps: readonly ModuleStep[],
  rho: number,
  target: 'A' | 'B',
): LayerValues {
  const columns = new Map<QuantityKey, number[]>();
  steps.forEach((step, i) => {
    const row = { ...cleanMetrics(step), ...perturbationMetrics(step, rho, target) };
    for (const [key, value] of Object.entries(row) as [QuantityKey, number][]) {
      const column = columns.get(key) ?? new Array<number>(steps.length).fill(NaN);
      column[i] = value;
      columns.set(key, column);
    }
  });
  return Object.fromEntries(columns);
}

function cleanMetrics({ clean, at }: ModuleStep): Partial<Record<QuantityKey, number>> {
  const { rank, scaling } = at;
  const { kA, kB, eigenA, eigenB } = clean;
  return {
    normA: Math.sqrt(trace(kA, rank)),
    normB: Math.sqrt(trace(kB, rank)),
    normDeltaW: scaling * Math.sqrt(Math.max(0, traceOfProduct(kB, kA, rank))),
    kappaA: conditionNumber(eigenA),
    kappaB: conditionNumber(eigenB),
    balancedness: balancedness({ kA, kB, rank }),
    tangentGradient: Math.sqrt(Math.max(0, at.a + at.b - at.c)) / scaling,
  };
}

function perturbationMetrics(
  { at, applied, computed, alignment }: ModuleStep,
  rho: number,
  target: 'A' | 'B',
): Partial<Record<QuantityKey, number>> {
  const row: Partial<Record<QuantityKey, number>> = {};
  if (computed) {
    row.normE = computed.norm;
    row.rhoEffRatio = rho > 0 ? computed.rhoEff / rho : NaN;
  }
  if (applied) {
    const onB = target === 'B';
    const rhoUse = radiusInW(applied.gram, onB ? at.kA : at.kB, at);
    const theorem = balancednessRate(at, applied, { rho, rhoUse, onB });
    row.normEhat = Math.sqrt(trace(applied.gram, at.rank));
    row.rhoUse = rhoUse;
    row.balancednessRate = theorem.rate;
    row.boundPaper = theorem.boundPaper;
    row.boundSigmaMin = theorem.boundSigmaMin;
    row.boundTight = theorem.boundTight;
  }
  if (alignment !== undefined) row.emaCosine = alignment;
  return row;
}
