import type { MeasureKey } from '../../src/shared/measures';
import type { QuantityKey } from '../../src/shared/quantities';
import type { RunModel } from '../../src/shared/run-model';

/** Measured over all that is adapted and, under the same names, per module. */
export const SHARES = [
  'gradientTop1',
  'gradientTop5',
  'gradientTop10',
  'sharpnessTop1',
  'sharpnessTop5',
  'sharpnessTop10',
] as const satisfies readonly (MeasureKey & QuantityKey)[];
export type ShareKey = (typeof SHARES)[number];

/** Steps of the probes that measured the shares per module, ascending. */
export function shareSteps({ probeLayers }: RunModel): readonly number[] {
  const { steps, values } = probeLayers;
  const width = steps.length > 0 ? (values.gradientTop1?.length ?? 0) / steps.length : 0;
  return width === 0
    ? []
    : steps.filter((_, row) =>
        values.gradientTop1?.slice(row * width, (row + 1) * width).some(Number.isFinite),
      );
}

/** One row per module, one column per entry of `SHARES`, at one probe; NaN where it has none. */
export function sharesAt({ probeLayers, manifest }: RunModel, step: number): number[][] {
  const width = manifest.modules.length;
  // Two probes of one step are the same probe.
  const row = probeLayers.steps.lastIndexOf(step);
  return manifest.modules.map((_, module) =>
    SHARES.map((key) => (row < 0 ? NaN : (probeLayers.values[key]?.[row * width + module] ?? NaN))),
  );
}
