/** factor · x */
export function scaled(x: Float64Array, factor: number): Float64Array {
  return x.map((value) => factor * value);
}

/** x + factor · y */
export function plus(x: Float64Array, factor: number, y: Float64Array): Float64Array {
  return x.map((value, i) => value + factor * (y[i] as number));
}
