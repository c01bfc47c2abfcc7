import type { ModulePoint } from './perturbation';
import type { Values } from './small-matrix';

/** Below these a float32 Gram is good to 1e-5 in E_B; above, the module is done again in float64. */
const LARGEST_KAPPA = { a: 30, b: 300 };

/** `gram_dtype: float32`: the Grams A Aᵀ, BᵀB and Bᵀg_B, every sum rounded to float32. */
export function float32Grams({
  loraA,
  loraB,
  gradB,
  rank,
  out,
  in: width,
}: ModulePoint): Record<'kA' | 'kB' | 'c0', Float64Array> {
  const a = { count: rank, length: width, apart: width, next: 1 };
  const b = { count: rank, length: out, apart: 1, next: rank };
  return {
    kA: products(loraA, loraA, a),
    kB: products(loraB, loraB, b),
    c0: products(loraB, gradB, b),
  };
}

/** @param kappa condition numbers of the factors, from the float32 Grams' own eigenvalues */
export function float32Suffices(kappa: { readonly a: number; readonly b: number }): boolean {
  // κ is NaN for a zero factor, whose Gram is exact.
  return !(kappa.a > LARGEST_KAPPA.a) && !(kappa.b > LARGEST_KAPPA.b);
}

/** Inner products of `count` vectors of `length`; from one to the next `apart`, within one `next`. */
function products(
  left: Values,
  right: Values,
  { count, length, apart, next }: Record<'count' | 'length' | 'apart' | 'next', number>,
): Float64Array {
  const result = new Float64Array(count * count);
  for (let p = 0; p < count; p++)
    for (let q = 0; q < count; q++) {
      let sum = 0;
      for (let k = 0; k < length; k++)
        sum = Math.fround(
          sum +
            Math.fround(
              (left[p * apart + k * next] as number) * (right[q * apart + k * next] as number),
            ),
        );
      result[p * count + q] = sum;
    }
  return result;
}
