import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import type { AdaptedModule } from '../../../src/engine/adapters/trainable-model';
import { perturbations, type PerturbationOptions } from '../../../src/engine/algebra/perturbation';
import { measureOnDevice } from '../../../src/engine/methods/measure-on-device';
import { measureOnHost } from '../../../src/engine/methods/measure-on-host';
import {
  measureModules,
  type MeasuredModules,
  type MeasureRequest,
} from '../../../src/engine/methods/measured-modules';
import { targetKey } from '../../../src/engine/methods/perturbed-parameters';
import { relativeError } from '../../support/reference-model';
import { testedBackends } from '../../support/tested-backends';

/**
 * Grams of float32 against float64, of factors with condition numbers below 3: float32 sums of 48
 * terms, and E is rounded to float32 on both sides (measured: below 5e-7).
 */
const TOLERANCE = 1e-6;

const module = (name: string, out: number, width: number): AdaptedModule => ({
  ...{ path: name, out, in: width, rank: 4, scaling: 2 },
  ...{ loraA: `${name}.A`, loraB: `${name}.B` },
});
/** Two shapes, not in the order of the stacks. */
const modules = [module('a', 48, 32), module('b', 32, 48), module('c', 48, 32)];

/** Random factors, gradients and an applied perturbation; `weak` scales a column of B and row of A. */
function requestOf(target: 'A' | 'B', weak: { a?: number; b?: number } = {}): MeasureRequest {
  let seed = 1;
  const map = (scale: number) =>
    new Map(
      modules.flatMap(({ loraA, loraB, rank, out, in: width }) => [
        [loraA, tf.randomNormal([rank, width], 0, scale, 'float32', seed++) as tf.Tensor] as const,
        [loraB, tf.randomNormal([out, rank], 0, scale, 'float32', seed++) as tf.Tensor] as const,
      ]),
    );
  const clean = map(0.1);
  const scaled = (key: string, by: tf.Tensor) =>
    clean.set(key, tf.mul(clean.get(key) as tf.Tensor, by));
  // Only in the middle module: its neighbours in a step must not change.
  if (weak.a) scaled('b.A', tf.tensor2d([1, 1, 1, weak.a], [4, 1]));
  if (weak.b) scaled('b.B', tf.tensor2d([1, 1, 1, weak.b], [1, 4]));
  const e = map(0.02);
  const perturbation = new Map(
    modules.map((m) => [targetKey(m, target), e.get(targetKey(m, target)) as tf.Tensor]),
  );
  const parameters = new Map(
    [...clean].map(([key, value]) => {
      const added = perturbation.get(key);
      return [key, added && !(weak.a || weak.b) ? tf.add(value, added) : value];
    }),
  );
  return {
    ...{ modules, parameters, gradients: map(1e-3), applied: { perturbation, clean } },
    options: { tau_a: 1e-6, tau_b: 1e-4, perturb_target: target },
  };
}

const settings = (perturb_target: 'A' | 'B'): PerturbationOptions => ({
  ...{ grad_estimator: 'paper_mean', radius_correction: 'none', rho_scope: 'per_layer' },
  ...{ perturb_target, tau_a: 1e-6, tau_b: 1e-4 },
});

async function eOf(measured: MeasuredModules, target: 'A' | 'B'): Promise<number[][]> {
  const e = measured.perturbation(perturbations(measured.geometries, 0.05, settings(target)));
  return Promise.all([...e.values()].map(async (tensor) => Array.from(await tensor.data())));
}

describe.each(await testedBackends())('on $name', (backend) => {
  beforeAll(() => backend.start());

  it.each(['B', 'A'] as const)('host and device agree, target %s', async (target) => {
    const request = requestOf(target);
    const [host, device] = [await measureOnHost(request), await measureOnDevice(request)];
    const [onHost, onDevice] = [await eOf(host, target), await eOf(device, target)];
    onHost.forEach((e, i) => expect(relativeError(onDevice[i] ?? [], e)).toBeLessThan(TOLERANCE));
    for (const key of ['kA', 'kB', 'c0', 'gradA', 'gradB'] as const)
      host.geometries.forEach((geometry, i) =>
        expect(
          relativeError(Array.from(device.geometries[i]?.[key] ?? []), Array.from(geometry[key])),
          key,
        ).toBeLessThan(TOLERANCE),
      );
    expect(device.applied).toHaveLength(modules.length);
    for (const key of ['gram', 'withGradient', 'withFactor', 'cleanGram'] as const)
      host.applied.forEach((applied, i) =>
        expect(
          relativeError(Array.from(device.applied[i]?.[key] ?? []), Array.from(applied[key])),
          key,
        ).toBeLessThan(TOLERANCE),
      );
  });

  it.each([
    ['float32', 'sam', true],
    ['float64', 'sam', false],
    ['float32', 'literal', false],
  ] as const)(
    'gram_dtype %s, sign %s: Grams of float32 is %s',
    async (gram_dtype, sign, single) => {
      const request = requestOf('B');
      const options = { ...request.options, gram_dtype, perturb_sign: sign };
      const { geometries } = await measureModules({ ...request, options });
      expect(geometries.every(({ kA }) => kA.every((v) => v === Math.fround(v)))).toBe(single);
    },
  );

  it.each([{ a: 0.02 }, { b: 0.002 }])(
    'redoes an ill-conditioned module on the host: %o',
    async (weak) => {
      const request = requestOf('B', weak);
      const [host, device] = [await measureOnHost(request), await measureOnDevice(request)];
      const same = host.geometries.map((geometry, i) =>
        geometry.kA.every((value, k) => value === device.geometries[i]?.kA[k]),
      );
      expect(same).toEqual([false, true, false]);
      const [onHost, onDevice] = [await eOf(host, 'B'), await eOf(device, 'B')];
      expect(onDevice[1]).toEqual(onHost[1]);
      for (const i of [0, 2])
        expect(relativeError(onDevice[i] ?? [], onHost[i] ?? [])).toBeLessThan(TOLERANCE);
    },
  );

  it('takes B = 0 and gradients that are not finite, and keeps no tensors', async () => {
    const request = requestOf('B');
    const zero = new Map(request.parameters);
    zero.set('a.B', tf.zeros([48, 4]));
    const gradients = new Map(request.gradients);
    gradients.set('c.B', tf.fill([48, 4], NaN));
    const { numTensors } = tf.memory();
    const device = await measureOnDevice({ ...request, parameters: zero, gradients });
    const computed = perturbations(device.geometries, 0.05, settings('B'));
    expect(computed.map(({ degenerate }) => degenerate)).toEqual([false, false, true]);
    const e = device.perturbation(computed);
    for (const tensor of e.values())
      expect(Array.from(await tensor.data()).every(Number.isFinite)).toBe(true);
    tf.dispose([...e.values()]);
    device.dispose();
    expect(tf.memory().numTensors).toBe(numTensors);
  });
});
