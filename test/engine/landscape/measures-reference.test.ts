import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import type { LoadedModel } from '../../../src/engine/adapters/load-trainable';
import type { Batch } from '../../../src/engine/data/batch';
import { measureAverage } from '../../../src/engine/landscape/average';
import type { MeasureContext, Measured } from '../../../src/engine/landscape/measure';
import { createObjective } from '../../../src/engine/landscape/objective';
import { LANDSCAPE } from '../../../src/engine/landscape/registry';
import type { InspectionTask } from '../../../src/shared/inspection/request';
import { FIXTURES } from '../../support/bert-fixture';
import { measureCase, moduleScopes } from '../../support/landscape-case';
import { loadReference } from '../../support/reference-model';
import { referenceTensors } from '../../support/space-vectors';
import { fastestTested } from '../../support/tested-backends';

/** Relative. A rise of 0.03 between float32 losses near 1.3 carries 1e-5 of rounding. */
const TOLERANCE = 1e-4;

/** Standard errors of a Monte Carlo estimate. */
const ERRORS = 4;

interface Case extends Pick<InspectionTask, 'measure' | 'space'> {
  readonly scope: string;
  readonly rho?: number;
  readonly noise?: string;
  readonly expected: {
    readonly value: number;
    readonly loss: number;
    readonly standardError?: number;
    readonly eta_c?: number;
  };
}

const cases = JSON.parse(readFileSync(`${FIXTURES}/landscape/measures.json`, 'utf8')) as Case[];

let loaded: LoadedModel & { batch: Batch };
let noise: ReadonlyMap<string, Float64Array>;
beforeAll(async () => {
  await fastestTested();
  loaded = await loadReference('bert-cls');
  noise = await referenceTensors(`${FIXTURES}/landscape/noise.safetensors`);
});

/** The context that a case asks for. */
async function contextOf(options: Case): Promise<MeasureContext & { free(): void }> {
  const { rho, scope } = options;
  const { model, initial: parameters, batch } = loaded;
  const { expected: _, noise: __, scope: ___, ...settings } = options;
  const task = { ...settings, rho: [rho ?? 1] };
  const whole = await measureCase({ model, parameters, batches: [batch], task });
  const normalizeLogits = whole.task.normalize_logits;
  const at = scope === 'all' ? whole : moduleScopes(whole).find(({ id }) => id === scope);
  if (!at) throw new Error(`no module ${scope}`);
  const objective = createObjective({ model, batches: [batch], normalizeLogits });
  return { ...at, objective, free: () => whole.coordinates.dispose() };
}

function run(context: MeasureContext, { measure, noise: name }: Case): Promise<Measured> {
  const found = LANDSCAPE[measure];
  if (!found) throw new Error(`${measure} is not registered`);
  if (name === undefined) return found.measure(context);
  const { blocks, dimension } = context.coordinates;
  return measureAverage(context, (index) => {
    const draw = new Float64Array(dimension);
    for (const { owner, key, offset } of blocks) {
      const block = context.coordinates.space === 'full' ? `full.${owner}` : key;
      draw.set(noise.get(`${name}.${index}.${block}`) as Float64Array, offset);
    }
    return draw;
  });
}

function titleOf({ measure, space, scope, ...settings }: Case): string {
  const { expected: _, noise: __, ...shown } = settings;
  return `${measure} in ${space} of ${scope} with ${JSON.stringify(shown)}`;
}

describe('against PyTorch in float64', () => {
  it.each(cases.map((one) => [titleOf(one), one] as const))('%s', async (_, one) => {
    const context = await contextOf(one);
    const { result } = await run(context, one);
    context.free();
    if (result.kind !== 'scalar') throw new Error('not a scalar');
    const { value, loss, standardError, eta_c } = one.expected;
    if (one.measure === 'relative-flatness') {
      // Ours is an estimate, the reference exact.
      expect(Math.abs(result.value - value)).toBeLessThan(ERRORS * (result.standardError ?? NaN));
      return;
    }
    // Draws of either sign cancel in their mean; their spread is the scale then.
    const scale = Math.max(Math.abs(value), standardError ?? 0);
    expect(Math.abs(result.value - value)).toBeLessThan(TOLERANCE * scale);
    expect(Math.abs((result.details?.['loss'] ?? NaN) - loss)).toBeLessThan(TOLERANCE * loss);
    if (eta_c !== undefined)
      expect(Math.abs((result.details?.['eta_c'] ?? NaN) / eta_c - 1)).toBeLessThan(TOLERANCE);
    if (standardError !== undefined)
      expect(Math.abs((result.standardError ?? NaN) / standardError - 1)).toBeLessThan(TOLERANCE);
  });
});
