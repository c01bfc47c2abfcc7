import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import type { ParameterMap, TrainableModel } from '../../../src/engine/adapters/trainable-model';
import { multiply, norm } from '../../../src/engine/algebra/small-matrix';
import { lossAndGradients } from '../../../src/engine/methods/gradients';
import { pairMetrics } from '../../../src/engine/methods/pair-metrics';
import { perturb } from '../../../src/engine/methods/perturbed-parameters';
import { readAll } from '../../../src/engine/methods/read-tensors';
import { stepBatches, testConfig, tinyBert } from '../../support/bert-fixture';
import { relativeError } from '../../support/reference-model';
import { fastestTested } from '../../support/tested-backends';

/** Float32 Grams against dense float64 products of the same float32 values. */
const TOLERANCE = 1e-5;

const batch = stepBatches()[0] as ReturnType<typeof stepBatches>[number];

let model: TrainableModel;
let initial: ParameterMap;

beforeAll(async () => {
  await fastestTested();
  ({ model, initial } = await tinyBert());
});

/** Random, along the factors of some modules: of the first A and B, of the second B alone. */
function perturbation(): Map<string, tf.Tensor> {
  const [first, second] = model.modules;
  const keys = [first?.loraA, first?.loraB, second?.loraB] as string[];
  return new Map(
    keys.map((key, i) => {
      const { shape } = initial.get(key) as tf.Tensor;
      return [key, tf.randomNormal(shape, 0, 0.01, 'float32', i + 1)] as const;
    }),
  );
}

describe.each(['float64', 'float32'] as const)('Grams of %s', (gram_dtype) => {
  it('are those of what was moved: norm, distance in W, rate of the balancedness', async () => {
    const { method: config } = testConfig({ method: { name: 'sam', gram_dtype } });
    const e = perturbation();
    const perturbed = perturb(initial, e);
    const second = await lossAndGradients(model, perturbed.parameters, [batch]);
    const point = perturbed.parameters;
    const { numTensors } = tf.memory();
    const layers = await pairMetrics({ model, config }, { parameters: initial, point, e, second });
    expect(tf.memory().numTensors).toBe(numTensors);

    const expected = { normE: [] as number[], rhoUse: [] as number[], rate: [] as number[] };
    for (const { loraA, loraB, out, in: width, rank, scaling } of model.modules) {
      const keys = [loraA, loraB];
      const [a, b] = (await readAll(initial, keys)) as [Float32Array, Float32Array];
      const [toA, toB] = (await readAll(point, keys)) as [Float32Array, Float32Array];
      const [gA, gB] = (await readAll(second.gradients, keys)) as [Float32Array, Float32Array];
      const change = (from: Float32Array, to: Float32Array) =>
        Float64Array.from(to, (value, i) => value - (from[i] as number));
      const [eA, eB] = [change(a, toA), change(b, toB)];
      const size = { rows: out, inner: rank, columns: width };
      const before = multiply(b, a, size);
      const inner = (x: Float64Array, y: Float32Array) =>
        x.reduce((sum, value, i) => sum + value * (y[i] as number), 0);
      expected.normE.push(Math.hypot(norm(eA), norm(eB)));
      expected.rhoUse.push(
        scaling * norm(multiply(toB, toA, size).map((value, i) => value - (before[i] as number))),
      );
      expected.rate.push(inner(eB, gB) - inner(eA, gA));
    }
    expect(expected.normE.filter((value) => value > 0)).toHaveLength(2);
    expect(relativeError(layers.normE ?? [], expected.normE)).toBeLessThan(TOLERANCE);
    expect(relativeError(layers.rhoUse ?? [], expected.rhoUse)).toBeLessThan(TOLERANCE);
    expect(relativeError(layers.balancednessRate ?? [], expected.rate)).toBeLessThan(TOLERANCE);
    // Those of the pair before it was moved.
    const clean = await pairMetrics(
      { model, config },
      { parameters: initial, point: initial, e: new Map(), second },
    );
    for (const key of ['normA', 'normB', 'normDeltaW', 'kappaA', 'kappaB', 'balancedness'] as const)
      expect(relativeError(layers[key] ?? [], clean[key] ?? []), key).toBeLessThan(TOLERANCE);
  });
});
