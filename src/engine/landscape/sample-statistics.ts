/** Mean of independent draws and its standard error; the latter NaN for a single one. */
export function meanAndError(samples: readonly number[]): {
  readonly mean: number;
  readonly standardError: number;
} {
  const n = samples.length;
  const mean = samples.reduce((sum, x) => sum + x, 0) / n;
  const squares = samples.reduce((sum, x) => sum + (x - mean) ** 2, 0);
  return { mean, standardError: Math.sqrt(squares / (n - 1) / n) };
}
