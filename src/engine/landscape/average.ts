import { averageRise, type Noise } from './average-rise';
import { elementScale } from './element-scale';
import type { LandscapeMeasure, MeasureContext, Measured } from './measure';
import { gaussian, uniformCube } from './random-vectors';
import { scalarResult } from './scalar-result';

type NoiseNorm = 'l2' | 'linf';

/** Average case E L(w + δ) − L(w), δ ~ N(0, ρ²), or N(0, ρ²w²) when adaptive (arXiv 2302.07011). */
export const averageL2: LandscapeMeasure = averageCase('l2');

/** Average case E L(w + δ) − L(w), δ ~ U(−ρ, ρ), or U(−ρ|w|, ρ|w|) when adaptive. */
export const averageLinf: LandscapeMeasure = averageCase('linf');

function averageCase(shape: NoiseNorm): LandscapeMeasure {
  return {
    measure: (context) => measureAverage(context, unitNoise(context, shape)),
    passes: ({ draws }, scopes) => ({ forwards: (draws + 1) * scopes, gradients: 0 }),
  };
}

/** Independent entries of N(0, 1), or of U(−1, 1), not divided by √dimension; the same for every ρ. */
function unitNoise({ task, coordinates }: MeasureContext, shape: NoiseNorm): Noise {
  const draw = shape === 'l2' ? gaussian : uniformCube;
  return (index) => draw(coordinates.blocks, { seed: task.seed, index });
}

/** @param noise of scale 1 */
export async function measureAverage(context: MeasureContext, noise: Noise): Promise<Measured> {
  const { task, rho, coordinates } = context;
  const relative = task.adaptive ? await elementScale(coordinates) : undefined;
  const notes = relative?.notes ?? [];
  if (relative?.fixed === coordinates.dimension) return scalarResult(NaN, { notes });
  const found = await averageRise(context, (index) =>
    noise(index).map((value, i) => rho * value * (relative ? (relative.scale[i] as number) : 1)),
  );
  const { loss, mean, standardError, draws, largest } = found;
  return scalarResult(mean, {
    standardError,
    details: { loss, draws, largest, ...(relative && { fixed: relative.fixed }) },
    notes: [...notes, ...found.notes],
  });
}
