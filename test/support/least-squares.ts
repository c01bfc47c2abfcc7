import type { ModulePoint } from '../../src/engine/algebra/module-geometry';
import { multiply, type Values } from '../../src/engine/algebra/small-matrix';

/** A float64 problem, L = ½‖(W0 + sBA)X − Y‖²/N with W [n, m], on which theorems can be exact. */
export const SHAPE = { n: 7, m: 6, r: 3, N: 20, s: 2 };
const { n, m, r, N, s } = SHAPE;

/** Uniform numbers in ±½ from a seed. */
export function uniformSource(start: number): (size: number, scale?: number) => Float64Array {
  let seed = start;
  const uniform = () => (seed = (seed * 48271) % 2147483647) / 2147483647 - 0.5;
  return (size, scale = 1) => Float64Array.from({ length: size }, () => scale * uniform());
}

/** g_A and g_B at (A, B), of a problem drawn from `random`. */
export function leastSquares(
  random: (size: number, scale?: number) => Float64Array,
): (loraA: Float64Array, loraB: Float64Array) => ModulePoint {
  const w0 = random(n * m);
  const x = random(m * N, 2);
  const y = random(n * N, 2);
  const xT = transpose(x, m, N);
  return (loraA, loraB) => {
    const ba = multiply(loraB, loraA, { rows: n, inner: r, columns: m });
    const w = w0.map((v, i) => v + s * (ba[i] as number));
    const residual = multiply(w, x, { rows: n, inner: m, columns: N }).map(
      (v, i) => (v - (y[i] as number)) / N,
    );
    const g = multiply(residual, xT, { rows: n, inner: N, columns: m });
    const gradB = multiply(g, transpose(loraA, r, m), { rows: n, inner: m, columns: r });
    const gradA = multiply(transpose(loraB, n, r), g, { rows: r, inner: n, columns: m });
    return {
      ...{ out: n, in: m, rank: r, scaling: s, loraA, loraB },
      gradB: gradB.map((v) => s * v),
      gradA: gradA.map((v) => s * v),
    };
  };
}

function transpose(v: Values, rows: number, columns: number): Float64Array {
  return Float64Array.from(
    { length: v.length },
    (_, i) => v[(i % rows) * columns + Math.floor(i / rows)] as number,
  );
}
