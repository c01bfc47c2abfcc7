import {
  radiusInW,
  type ModuleGeometry,
  type ModulePoint,
  type Perturbation,
} from '../algebra/perturbation';
import {
  conditionNumber,
  innerProduct,
  norm,
  symmetricEigen,
  crossOfColumns,
  traceOfProduct,
  type Values,
} from '../algebra/small-matrix';
import type { LayerValues, QuantityKey } from '../../shared/quantities';
import { balancedness, balancednessRate } from '../theory/theorem1';

/** What a step knows of one module; the parts a method does not have are absent. */
export interface ModuleStep {
  /** Clean factors. */
  readonly clean: Pick<ModulePoint, 'loraA' | 'loraB' | 'out' | 'in' | 'rank' | 'scaling'>;
  /** Geometry where the update gradient was taken. */
  readonly at: ModuleGeometry;
  /** The perturbation that was applied there (E, or Ê_{t−1}). */
  readonly applied?: Values;
  /** The perturbation computed at this step. */
  readonly computed?: Perturbation;
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
  const { loraA, loraB, out, rank, scaling } = clean;
  const kB = crossOfColumns(loraB, loraB, out, rank);
  return {
    normA: norm(loraA),
    normB: norm(loraB),
    normDeltaW: scaling * Math.sqrt(Math.max(0, traceOfProduct(kB, at.kA, rank))),
    kappaA: conditionNumber(at.eigenA),
    kappaB: conditionNumber(symmetricEigen(kB, rank)),
    balancedness: balancedness(loraA, loraB),
    tangentGradient: Math.sqrt(Math.max(0, at.a + at.b - at.c)) / scaling,
  };
}

function perturbationMetrics(
  { at, applied, computed }: ModuleStep,
  rho: number,
  target: 'A' | 'B',
): Partial<Record<QuantityKey, number>> {
  const row: Partial<Record<QuantityKey, number>> = {};
  if (computed) {
    row.normE = norm(computed.e);
    row.rhoEffRatio = rho > 0 ? computed.rhoEff / rho : NaN;
  }
  if (applied) {
    const onB = target === 'B';
    const rhoUse = radiusInW(applied, onB ? at.kA : at.kB, at.point, onB);
    const theorem = balancednessRate(at, applied, { rho, rhoUse, onB });
    row.normEhat = norm(applied);
    row.rhoUse = rhoUse;
    row.balancednessRate = theorem.rate;
    row.boundPaper = theorem.boundPaper;
    row.boundSigmaMin = theorem.boundSigmaMin;
    row.boundTight = theorem.boundTight;
  }
  if (applied && computed)
    row.emaCosine = innerProduct(applied, computed.e) / (norm(applied) * norm(computed.e));
  return row;
}
