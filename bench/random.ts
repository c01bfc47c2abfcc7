/** Numbers from a seed in [0, 1): xorshift32, for weights and tokens of which only the size matters. */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state / 2 ** 32;
  };
}

/** n numbers of mean 0 and the given standard deviation, uniform. */
export function uniformValues(n: number, deviation: number, random: () => number): Float32Array {
  const width = deviation * Math.sqrt(12);
  const values = new Float32Array(n);
  for (let i = 0; i < n; i++) values[i] = (random() - 0.5) * width;
  return values;
}
