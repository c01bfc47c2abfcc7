import fs from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  PAIR_MEASURE_KEYS,
  type PairMeasureKey,
  type PairMeasures,
} from '../../../src/shared/checkpoint/measures';
import type { CheckpointContents } from '../../../src/shared/checkpoint/contents';
import { pairQuantities } from '../../../src/engine/inspect-file/pair-quantities';
import { DirectReader } from './support';

const FIXTURES = path.resolve(__dirname, '../../reference/fixtures/checkpoints');

/** Both sides work in float64 on the same float32 factors; condition numbers are up to 1e3. */
const RELATIVE = 1e-6;

type Expected = Record<PairMeasureKey, number | null> & {
  rank: number;
  scale: number;
  singularValues: number[];
};
interface Case {
  name: string;
  adapters: Record<'default' | 'second', Record<string, Expected>>;
}
const cases = JSON.parse(fs.readFileSync(path.join(FIXTURES, 'pairs.json'), 'utf8')) as Case[];

/** Largest relative deviation from numpy, by measure. */
function deviations(measures: PairMeasures, expected: Expected): Record<string, number> {
  const of = (found: number, wanted: number | null, scale = Math.abs(wanted ?? 0)) =>
    // Without a number: no measure of a zero or deficient factor, which is NaN or infinite.
    wanted === null
      ? Number(Number.isFinite(found))
      : found === wanted
        ? 0
        : Math.abs(found - wanted) / scale;
  return {
    ...Object.fromEntries(
      PAIR_MEASURE_KEYS.map((key) => [key, of(measures.values[key], expected[key])]),
    ),
    singularValues: Math.max(
      ...expected.singularValues.map((sigma, i) => of(measures.singularValues[i] ?? NaN, sigma)),
    ),
  };
}

const adapters = cases.flatMap(({ name, adapters }) => [
  { name, file: 'adapter_model.safetensors', expected: adapters.default },
  { name, file: 'second/adapter_model.safetensors', expected: adapters.second },
]);

describe.each(adapters)('$name/$file, made by PEFT', ({ name, file, expected }) => {
  const reader = new DirectReader();
  let contents: CheckpointContents;
  beforeAll(async () => {
    ({ contents } = await reader.open(path.join(FIXTURES, name, file)));
  });

  it('has the pairs, ranks and scales of PEFT', () => {
    expect(contents.problems).toEqual([]);
    const found = contents.pairs.map(({ module, rank, scale }) => [module, rank, scale]);
    const wanted = Object.entries(expected).map(([module, { rank, scale }]) => [
      module,
      rank,
      scale,
    ]);
    expect(found.sort()).toEqual(wanted.sort());
  });

  it(`measures each pair within ${RELATIVE} of numpy`, async () => {
    for (const [index, { module }] of contents.pairs.entries()) {
      const wanted = expected[module];
      if (!wanted) throw new Error(`numpy has no ${module}`);
      const measures = await reader.pair(index);
      expect(measures.notFinite).toBe(0);
      expect(measures.singularValues.length).toBe(wanted.singularValues.length);
      for (const [key, deviation] of Object.entries(deviations(measures, wanted)))
        expect(deviation, `${module} ${key}`).toBeLessThanOrEqual(RELATIVE);
    }
  });
});

describe('the keys of a live model with two adapters', () => {
  it('make a pair per adapter, with s 1 and the reason where no configuration says more', async () => {
    const copy = fs.mkdtempSync(path.join(fs.realpathSync('/tmp'), 'live-'));
    fs.copyFileSync(
      path.join(FIXTURES, 'toy/live.safetensors'),
      path.join(copy, 'live.safetensors'),
    );
    const { contents } = await new DirectReader().open(path.join(copy, 'live.safetensors'));
    fs.rmSync(copy, { recursive: true });
    const [toy] = cases;
    for (const adapter of ['default', 'second'] as const)
      expect(
        contents.pairs
          .filter((pair) => pair.adapter === adapter)
          .map(({ module }) => module)
          .sort(),
      ).toEqual(Object.keys(toy?.adapters[adapter] ?? {}).sort());
    expect(contents.pairs.map(({ scale }) => scale)).toEqual(contents.pairs.map(() => 1));
    expect(contents.pairs[0]?.scaleNote).toContain('no adapter_config.json');
    const kinds = new Set(contents.pairs.map(({ kind }) => kind));
    expect(kinds).toEqual(new Set(['linear', 'embedding', 'convolution']));
  });
});

describe('the measures of a pair', () => {
  const noPause = () => Promise.resolve();
  const random = (rows: number, columns: number, seed: number) => ({
    rows,
    columns,
    values: Float64Array.from(
      { length: rows * columns },
      (_, i) => Math.sin(12.9898 * (i + 1) + seed) * Math.cos(78.233 * i * seed),
    ),
  });

  it('of ΔW do not see the gauge (B R⁻¹, R A); those of A and B do', async () => {
    const [loraA, loraB] = [random(3, 17, 1), random(11, 3, 2)];
    const before = await pairQuantities({ loraA, loraB, scale: 2 }, noPause);
    const gauge = [1, 10, 100];
    const after = await pairQuantities(
      {
        loraA: {
          ...loraA,
          values: loraA.values.map((v, i) => v * (gauge[Math.floor(i / 17)] ?? 1)),
        },
        loraB: { ...loraB, values: loraB.values.map((v, i) => v / (gauge[i % 3] ?? 1)) },
        scale: 2,
      },
      noPause,
    );
    for (const key of ['normDeltaW', 'spectralNorm', 'stableRank', 'effectiveRank'] as const)
      expect(after.values[key] / before.values[key]).toBeCloseTo(1, 12);
    for (const key of ['normA', 'normB', 'balancedness', 'kappaA'] as const)
      expect(Math.abs(after.values[key] / before.values[key] - 1)).toBeGreaterThan(0.1);
  });

  it('stay accurate where a Gram matrix would have lost the small singular values', async () => {
    // κ(A) = 1e10: its Gram has 1e20, beyond float64.
    const loraA = { rows: 2, columns: 3, values: Float64Array.of(1, 1, 0, 1, 1, 1e-10) };
    const loraB = { rows: 2, columns: 2, values: Float64Array.of(1, 0, 0, 1) };
    const { values } = await pairQuantities({ loraA, loraB, scale: 1 }, noPause);
    // σ₁σ₂ = √det(A Aᵀ) = √2 1e-10 and σ₁² = 4 up to 1e-20.
    expect(values.kappaA / (4 / (Math.SQRT2 * 1e-10)) - 1).toBeCloseTo(0, 5);
  });

  it('say how many values are not finite, and are NaN then', async () => {
    const loraA = { rows: 1, columns: 2, values: Float64Array.of(NaN, 1) };
    const loraB = { rows: 2, columns: 1, values: Float64Array.of(Infinity, 1) };
    const { values, notFinite } = await pairQuantities({ loraA, loraB, scale: 1 }, noPause);
    expect(notFinite).toBe(2);
    for (const key of PAIR_MEASURE_KEYS) expect(values[key]).toBeNaN();
  });
});
