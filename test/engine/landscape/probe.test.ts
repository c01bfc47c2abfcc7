import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import type { ParameterMap, TrainableModel } from '../../../src/engine/adapters/trainable-model';
import { probe } from '../../../src/engine/landscape/probe';
import { stepBatches, testConfig, tinyBert } from '../../support/bert-fixture';
import { fastestTested } from '../../support/tested-backends';

const batch = stepBatches()[0] as ReturnType<typeof stepBatches>[number];

/** A loss rise is a difference of two float32 losses of order 1: 1e-7 of rounding each. */
const LOSS_ROUNDING = 1e-6;

let model: TrainableModel;
let initial: ParameterMap;
beforeAll(async () => {
  await fastestTested();
  ({ model, initial } = await tinyBert());
});

const measure = (parameters: ParameterMap, rho: number) =>
  probe(model, parameters, batch, testConfig({ probe: { rho } }));

const lossOf = async (parameters: ParameterMap) =>
  (await tf.tidy(() => model.loss(parameters, batch)).data())[0] as number;

describe('SAM sharpness', () => {
  it('is the loss rise at a point whose distance in W is rho, along the steepest direction', async () => {
    const rho = 0.05;
    const { layers, loss } = await measure(initial, rho);
    const module = model.modules[1] as (typeof model.modules)[number];
    const [b, a] = [module.loraB, module.loraA].map((k) => initial.get(k) as tf.Tensor2D) as [
      tf.Tensor2D,
      tf.Tensor2D,
    ];
    // The gradient of X by autograd in the coordinates W + X Q_Aᵀ, with Q_A from a QR of Aᵀ.
    const q = tf.linalg.qr(tf.transpose(a))[0] as tf.Tensor2D; // [m, r]
    const qa = tf.matMul(a, q); // L = A Q [r, r], A = L Qᵀ
    const inverse = invert((await qa.array()) as number[][]);
    const toB = (x: tf.Tensor2D) =>
      tf.add(b, tf.div(tf.matMul(x, tf.tensor2d(inverse)), module.scaling)); // B + X L⁻¹/s
    const gradient = tf.grad((x: tf.Tensor) =>
      model.loss(new Map([...initial, [module.loraB, toB(x as tf.Tensor2D)]]), batch),
    )(tf.zeros(b.shape));
    const x = tf.mul(gradient, tf.div(rho, tf.norm(gradient))) as tf.Tensor2D;
    const expected = (await lossOf(new Map([...initial, [module.loraB, toB(x)]]))) - loss;
    expect(Math.abs((layers.sharpness?.[1] as number) - expected)).toBeLessThan(LOSS_ROUNDING);
    expect(expected).toBeGreaterThan(100 * LOSS_ROUNDING);
  });

  it('does not move under a change of gauge', async () => {
    const before = await measure(initial, 0.05);
    const moved = new Map<string, tf.Tensor>();
    for (const { loraA, loraB, rank } of model.modules) {
      const r = tf.add(tf.eye(rank), tf.randomNormal([rank, rank], 0, 0.2, 'float32', 3));
      const rInverse = tf.tensor2d(invert((await r.array()) as number[][]));
      moved.set(loraA, tf.matMul(r as tf.Tensor2D, initial.get(loraA) as tf.Tensor2D));
      moved.set(loraB, tf.matMul(initial.get(loraB) as tf.Tensor2D, rInverse));
    }
    const after = await measure(new Map([...initial, ...moved]), 0.05);
    expect(Math.abs((after.sharpness as number) - (before.sharpness as number))).toBeLessThan(
      10 * LOSS_ROUNDING,
    );
    for (const key of ['sharpness', 'normDeltaW', 'tangentGradient'] as const)
      after.layers[key]?.forEach((value, i) =>
        expect(Math.abs(value - (before.layers[key]?.[i] as number))).toBeLessThan(
          10 * LOSS_ROUNDING,
        ),
      );
    // The balancedness is a statement about the factors, and does move.
    expect(after.layers.balancedness?.[0]).not.toBeCloseTo(before.layers.balancedness?.[0] ?? 0, 3);
  });

  it('of all layers together is at least that of the sharpest, to first order', async () => {
    const { sharpness, layers } = await measure(initial, 1e-3);
    expect(sharpness as number).toBeGreaterThan(Math.max(...(layers.sharpness ?? [])) * 0.99);
  });

  it('leaves the weights and the number of tensors as they were', async () => {
    await measure(initial, 0.05);
    const { numTensors } = tf.memory();
    const before = await Promise.all([...initial.values()].map((t) => t.data()));
    await measure(initial, 0.05);
    expect(await Promise.all([...initial.values()].map((t) => t.data()))).toEqual(before);
    expect(tf.memory().numTensors).toBe(numTensors);
  });
});

/** Inverse of a small matrix by Gauss-Jordan with pivoting. */
function invert(m: number[][]): number[][] {
  const n = m.length;
  const work = m.map((row, i) => [...row, ...row.map((_, j) => (i === j ? 1 : 0))]);
  for (let c = 0; c < n; c++) {
    const best = work
      .map((row, i) => [i, Math.abs(row[c] as number)] as const)
      .slice(c)
      .sort((p, q) => q[1] - p[1])[0] as readonly [number, number];
    [work[c], work[best[0]]] = [work[best[0]] as number[], work[c] as number[]];
    const pivot = work[c] as number[];
    const head = pivot[c] as number;
    pivot.forEach((v, j) => (pivot[j] = v / head));
    work.forEach((row, i) => {
      if (i === c) return;
      const factor = row[c] as number;
      row.forEach((v, j) => (row[j] = v - factor * (pivot[j] as number)));
    });
  }
  return work.map((row) => row.slice(n));
}
