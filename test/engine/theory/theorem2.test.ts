import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { probe, type ProbeResult } from '../../../src/engine/landscape/probe';
import { NO_CONSTANTS, theorem2Bound } from '../../../src/engine/theory/theorem2-bound';
import type { MeasureKey } from '../../../src/shared/measures';
import type { QuantityKey } from '../../../src/shared/quantities';
import { FIXTURES, stepBatches, testConfig, tinyBert } from '../../support/bert-fixture';
import { readBatch, relativeError } from '../../support/reference-model';
import { testedBackends } from '../../support/tested-backends';

/** A loss rise is a difference of two float32 losses of order 1: 1e-7 of rounding each. */
const LOSS_ROUNDING = 1e-6;
/** Norms and cosines of float32 gradients, and their differences over distances of 0.03. */
const GRADIENT_TOLERANCE = 1e-4;
const SHARE_TOLERANCE = 1e-5;

interface ReferenceProbe {
  readonly step: number;
  readonly rho: number;
  readonly average: Record<string, number[]>;
  readonly measures: Record<string, number>;
  readonly layers: Record<string, number[]>;
}

const json = <T>(name: string): T =>
  JSON.parse(readFileSync(`${FIXTURES}/theory/${name}.json`, 'utf8')) as T;
const reference = json<{ rho: number; beta: number; probes: ReferenceProbe[] }>('theorem2');
const batch = readBatch(`${FIXTURES}/bert-cls/batch.json`);
const config = testConfig({
  method: {
    name: 'efmlora',
    rho: reference.rho,
    beta: reference.beta,
    rho_schedule: 'inv_sqrt',
  },
  probe: { sharpness: 'none' },
});

describe.each(await testedBackends())('on $name', (backend) => {
  let loaded: Awaited<ReturnType<typeof tinyBert>>;
  beforeAll(async () => {
    await backend.start();
    loaded = await tinyBert();
  });

  it('measures what a naive float64 reference does, at two probes in a row', async () => {
    const { model, initial } = loaded;
    let constants = NO_CONSTANTS;
    for (const wanted of reference.probes) {
      const average = new Map(
        model.modules.map(({ path, loraB }) => [
          loraB,
          { values: Float32Array.from(wanted.average[path] ?? []) },
        ]),
      );
      const result: ProbeResult = await probe(model, initial, batch, {
        ...config,
        theorem2: {
          ...{ average, step: wanted.step, rho: wanted.rho, constants },
          sigmaBatches: stepBatches().slice(0, 8),
        },
      });
      constants = result.constants ?? NO_CONSTANTS;
      for (const [key, value] of Object.entries(wanted.measures)) {
        const actual = result.measures[key as MeasureKey] ?? NaN;
        const isRise = /Ema|Sam|Difference/.test(key);
        if (isRise) expect(Math.abs(actual - value), key).toBeLessThan(LOSS_ROUNDING);
        else expect(Math.abs(actual / value - 1), key).toBeLessThan(GRADIENT_TOLERANCE);
      }
      for (const [key, values] of Object.entries(wanted.layers))
        expect(relativeError(result.layers[key as QuantityKey] ?? [], values), key).toBeLessThan(
          GRADIENT_TOLERANCE,
        );
    }
  });

  it('counts the shares of the gradient as numpy does', async () => {
    const wanted = json<Omit<ReferenceProbe, 'average'>>('shares');
    const { measures, layers } = await probe(loaded.model, loaded.initial, batch, config);
    for (const [key, value] of Object.entries(wanted.measures))
      expect(Math.abs((measures[key as MeasureKey] ?? NaN) - value), key).toBeLessThan(
        SHARE_TOLERANCE,
      );
    for (const [key, values] of Object.entries(wanted.layers))
      expect(relativeError(layers[key as QuantityKey] ?? [], values), key).toBeLessThan(
        SHARE_TOLERANCE,
      );
  });
});

describe('the bound of Theorem 2', () => {
  const constants = { gradientNorm: 2, smoothness: 3, deviation: 0.5, rho0: 0.1 };
  const settings = { ...config.method, beta: 0.5 };

  it('falls with t to (τρ₀ + G + σ)ρ₀, and not to 0', () => {
    const bounds = [1, 2, 10, 1e8].map((t) => theorem2Bound(constants, t, settings));
    expect(bounds).toEqual([...bounds].sort((a, b) => b - a));
    expect(bounds[0]).toBeCloseTo((2 * 0.3 + 2.5) * 0.3, 12);
    expect(bounds[3]).toBeCloseTo((0.3 + 2.5) * 0.1, 4);
  });

  it('is not said where its premises fail, or σ was not measured', () => {
    for (const method of [
      { ...settings, rho_schedule: 'cosine' as const },
      { ...settings, rho_unit: 'epoch' as const },
    ])
      expect(theorem2Bound(constants, 3, method)).toBeNaN();
    expect(theorem2Bound({ ...constants, deviation: 0 }, 3, settings)).toBeNaN();
  });
});
