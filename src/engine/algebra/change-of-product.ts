import type { ModulePoint } from './perturbation';
import { crossOfColumns, gramOfRows, multiply, traceOfProduct, type Values } from './small-matrix';

/**
 * s‖(B + E_B)(A + E_A) − BA‖, the distance in W that moving both factors makes, without any [n, m]
 * matrix: the difference is E_B Ã + B E_A, whose squared norm is
 * tr(E_BᵀE_B ÃÃᵀ) + 2 tr(E_BᵀB E_AÃᵀ) + tr(BᵀB E_AE_Aᵀ).
 * @param clean     A [r, m] and B [n, r]
 * @param perturbed Ã = A + E_A
 */
export function changeOfProduct(
  clean: Pick<ModulePoint, 'loraB' | 'rank' | 'out' | 'in' | 'scaling'>,
  perturbed: Pick<ModulePoint, 'loraA'>,
  { eA, eB }: { readonly eA: Values; readonly eB: Values },
): number {
  const { rank, out, in: width, scaling, loraB } = clean;
  const { loraA } = perturbed;
  const shape = { rows: rank, inner: width, columns: rank };
  const crossA = multiply(eA, transposed(loraA, rank, width), shape);
  const square =
    traceOfProduct(crossOfColumns(eB, eB, out, rank), gramOfRows(loraA, rank, width), rank) +
    2 * traceOfProduct(crossOfColumns(eB, loraB, out, rank), crossA, rank) +
    traceOfProduct(crossOfColumns(loraB, loraB, out, rank), gramOfRows(eA, rank, width), rank);
  return scaling * Math.sqrt(Math.max(0, square));
}

function transposed(m: Values, rows: number, columns: number): Float64Array {
  return Float64Array.from(
    { length: m.length },
    (_, i) => m[(i % rows) * columns + Math.floor(i / rows)] as number,
  );
}
