import type * as tf from '@tensorflow/tfjs-core';
import type { MeasureValues } from '../../shared/measures';
import type { LayerValues } from '../../shared/quantities';
import type { AdaptedModule } from '../adapters/trainable-model';

/** What the largest coordinates of a gradient carry; FlatPO's observation (arXiv 2606.10488). */
export interface Shares {
  /** Σ_top |g_i| / Σ |g_i| for 1, 5 and 10 %; NaN for a gradient of 0. */
  readonly gradient: readonly number[];
  /** Σ_top g_i² / Σ g_i², which is the share of ⟨g, ρ g/‖g‖⟩ = ρ‖g‖. */
  readonly sharpness: readonly number[];
}

/** Per cent of the coordinates. */
const PERCENTS = [1, 5, 10] as const;

/**
 * Counts the k = max(1, ⌊p n / 100⌋) coordinates with the largest |g_i| of the n given, for 1, 5 and
 * 10 per cent. Sums are float64. Two passes and no sorted copy: full fine-tuning has 10⁸ of them.
 */
export function gradientShares(parts: readonly Float32Array[]): Shares {
  const size = parts.reduce((sum, { length }) => sum + length, 0);
  const bins = histogram(parts);
  const cuts = PERCENTS.map((p) => cutOf(bins, Math.max(1, Math.floor((p * size) / 100))));
  const inBin = collect(parts, new Set(cuts.map(({ bin }) => bin)));
  const total = bins.reduce((sum, bin) => sum + bin.sum, 0);
  const totalSquares = bins.reduce((sum, bin) => sum + bin.squares, 0);
  const shares = cuts.map(({ bin, missing, sum, squares }) => {
    const largest = (inBin.get(bin) ?? []).sort((a, b) => b - a).slice(0, missing);
    const top = largest.reduce((all, value) => all + value, sum);
    const topSquares = largest.reduce((all, value) => all + value * value, squares);
    return { gradient: top / total, sharpness: topSquares / totalSquares };
  });
  return {
    gradient: shares.map(({ gradient }) => gradient),
    sharpness: shares.map(({ sharpness }) => sharpness),
  };
}

interface Bin {
  count: number;
  sum: number;
  squares: number;
}

/** The bits of |g| as an integer grow with |g|: the upper 15 make bins of a width below 1 %. */
function binOf(bits: number): number {
  return (bits & 0x7fffffff) >>> 16;
}

function bitsOf(part: Float32Array): Uint32Array {
  return new Uint32Array(part.buffer, part.byteOffset, part.length);
}

function histogram(parts: readonly Float32Array[]): readonly Bin[] {
  const bins: Bin[] = Array.from({ length: 1 << 15 }, () => ({ count: 0, sum: 0, squares: 0 }));
  for (const part of parts) {
    const bits = bitsOf(part);
    for (let i = 0; i < part.length; i++) {
      const bin = bins[binOf(bits[i] as number)] as Bin;
      const value = Math.abs(part[i] as number);
      bin.count += 1;
      bin.sum += value;
      bin.squares += value * value;
    }
  }
  return bins;
}

/** The bin in which the k-th largest lies, how many of it count, and the sums of those above. */
function cutOf(bins: readonly Bin[], k: number): Bin & { bin: number; missing: number } {
  const above = { count: 0, sum: 0, squares: 0 };
  for (let bin = bins.length - 1; bin >= 0; bin--) {
    const { count, sum, squares } = bins[bin] as Bin;
    if (above.count + count >= k) return { ...above, bin, missing: k - above.count };
    above.count += count;
    above.sum += sum;
    above.squares += squares;
  }
  return { ...above, bin: 0, missing: 0 };
}

/** |g| of the coordinates in some bins. */
function collect(
  parts: readonly Float32Array[],
  wanted: ReadonlySet<number>,
): ReadonlyMap<number, number[]> {
  const found = new Map([...wanted].map((bin) => [bin, [] as number[]]));
  for (const part of parts) {
    const bits = bitsOf(part);
    for (let i = 0; i < part.length; i++)
      found.get(binOf(bits[i] as number))?.push(Math.abs(part[i] as number));
  }
  return found;
}

/**
 * The shares of each module (its A and B together) and of all perturbed tensors together.
 * @param keys of the tensors that count for the whole
 */
export async function shareMeasures(
  modules: readonly AdaptedModule[],
  keys: readonly string[],
  gradients: ReadonlyMap<string, tf.Tensor>,
): Promise<{ readonly layers: LayerValues; readonly measures: MeasureValues }> {
  const values = new Map<string, Float32Array>();
  for (const key of keys)
    values.set(key, (await (gradients.get(key) as tf.Tensor).data()) as Float32Array);
  const of = (wanted: readonly string[]) =>
    gradientShares(wanted.map((key) => values.get(key) ?? new Float32Array()));
  const all = of(keys);
  const rows = modules.map(({ loraA, loraB }) => of([loraA, loraB]));
  const column = (kind: keyof Shares, i: number) => rows.map((row) => row[kind][i] ?? NaN);
  return {
    layers:
      rows.length === 0
        ? {}
        : {
            gradientTop1: column('gradient', 0),
            gradientTop5: column('gradient', 1),
            gradientTop10: column('gradient', 2),
            sharpnessTop1: column('sharpness', 0),
            sharpnessTop5: column('sharpness', 1),
            sharpnessTop10: column('sharpness', 2),
          },
    measures: {
      gradientTop1: all.gradient[0] ?? NaN,
      gradientTop5: all.gradient[1] ?? NaN,
      gradientTop10: all.gradient[2] ?? NaN,
      sharpnessTop1: all.sharpness[0] ?? NaN,
      sharpnessTop5: all.sharpness[1] ?? NaN,
      sharpnessTop10: all.sharpness[2] ?? NaN,
    },
  };
}
