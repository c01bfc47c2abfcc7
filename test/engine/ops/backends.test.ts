import * as tf from '@tensorflow/tfjs-core';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { chooseBackend, type Probe } from '../../../src/engine/backends/registry';
import {
  SELF_TEST_CURVATURE,
  SELF_TEST_VALUES,
  selfTest,
  selfTestStep,
  testNumbers,
} from '../../../src/engine/backends/self-test';
import { NATIVE_NAMES } from '../../../src/shared/backends';
import { relativeError } from '../../support/reference-model';
import { testedBackends } from '../../support/tested-backends';
import { fakeInstallation, inFolder } from '../../support/fake-installation';
import { scratchFolder } from '../runs/support/scratch';

/** Central differences of a float64 loss at h = 1e-5: truncation 1e-10, rounding 1e-11. */
const DIFFERENCES = 1e-8;
/** The fourth-order stencils at h = 2e-3: truncation about 1e-10 times a sixth derivative. */
const CURVATURE = 1e-7;

const tested = await testedBackends();

describe('the self-test of backends', () => {
  it('compares with values that a separate float64 computation confirms', () => {
    const expected = lossAndDifferences();
    expect(relativeError(SELF_TEST_VALUES, expected)).toBeLessThan(DIFFERENCES);
  });

  it('compares second derivatives with the differences of those', () => {
    const v = Array.from(testNumbers(20, 8));
    expect(relativeError(SELF_TEST_CURVATURE, hessianVector(v))).toBeLessThan(CURVATURE);
  });

  it.each(tested)('passes on $name', async (backend) => {
    await backend.start();
    expect(tf.getBackend()).toBe(backend.name.replace('-gpu', ''));
    expect(await selfTest()).toBeUndefined();
  });

  it('notices a backend that computes something else', async () => {
    await chooseBackend('cpu');
    const { kernelFunc } = tf.getKernel('Erf', 'cpu') as tf.KernelConfig;
    const swap = (func: tf.KernelFunc): void => {
      tf.unregisterKernel('Erf', 'cpu');
      tf.registerKernel({ kernelName: 'Erf', backendName: 'cpu', kernelFunc: func });
    };
    const tanh = tf.getKernel('Tanh', 'cpu') as tf.KernelConfig;
    swap(tanh.kernelFunc);
    try {
      expect(await selfTest()).toMatch(/self-test step is wrong/);
      await expect(chooseBackend('cpu')).rejects.toMatchObject({ code: 'backend-unavailable' });
    } finally {
      swap(kernelFunc);
    }
    expect(await selfTest()).toBeUndefined();
  });

  it('leaves no tensor behind', async () => {
    await chooseBackend('cpu');
    const before = tf.memory().numTensors;
    await selfTestStep();
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe('chooseBackend', () => {
  const never: Probe = () => Promise.reject(new Error('no process should have been started'));

  it('takes wasm where nothing native is installed, without a probe, and says why', async () => {
    inFolder(await scratchFolder());
    const choice = await chooseBackend('auto', never);
    expect(choice).toMatchObject({ name: 'wasm' });
    expect(choice.reason).toContain('fastest');
    expect(choice.refused.map(({ name, installed }) => [name, installed])).toEqual(
      NATIVE_NAMES.map((name) => [name, false]),
    );
    expect(choice.refused[0]?.reason).toContain('flatscape backends install tensorflow-gpu');
  });

  it('falls back from an installed backend that its probe refuses, and says so', async () => {
    const folder = await scratchFolder();
    await fakeInstallation(folder, 'tensorflow', 'throw new Error("never loaded here")');
    inFolder(folder);
    const crash: Probe = () =>
      Promise.resolve({ ok: false, reason: 'it crashed', milliseconds: 1, checkedAt: 0 });
    const choice = await chooseBackend('auto', crash);
    expect(choice.name).toBe('wasm');
    expect(choice.refused).toContainEqual({
      name: 'tensorflow',
      reason: 'it crashed',
      installed: true,
    });
    await expect(chooseBackend('tensorflow', crash)).rejects.toMatchObject({
      code: 'backend-unavailable',
      found: expect.stringContaining('it crashed') as string,
    });
  });

  it('passes over a GPU in software, which only its name in the config takes, and says so', async () => {
    const folder = await scratchFolder();
    await fakeInstallation(folder, 'webgpu', 'throw new Error("never loaded here")');
    inFolder(folder);
    const device = { name: 'SwiftShader', software: true };
    const software: Probe = () =>
      Promise.resolve({ ok: true, memoryBytes: 1, device, milliseconds: 1, checkedAt: 0 });
    const choice = await chooseBackend('auto', software);
    expect(choice.name).toBe('wasm');
    expect(choice.refused.find(({ name }) => name === 'webgpu')?.reason).toMatch(
      /no GPU, only SwiftShader, a software driver.*runtime\.backend: webgpu/,
    );
  });

  it('names an installation that is damaged', async () => {
    const folder = await scratchFolder();
    await mkdir(join(folder, 'tensorflow'));
    await writeFile(join(folder, 'tensorflow', 'installation.json'), '{"format":1');
    inFolder(folder);
    const { refused } = await chooseBackend('auto', never);
    expect(refused[1]).toMatchObject({ name: 'tensorflow', installed: true });
    expect(refused[1]?.reason).toMatch(/damaged.*backends install tensorflow/);
  });

  it('takes what it is told', async () => {
    expect(await chooseBackend('cpu')).toMatchObject({ name: 'cpu' });
    expect(tf.getBackend()).toBe('cpu');
  });
});

/** (H·v)_i = ∂²L/∂t∂w_i along v, by differences of fourth order in both directions. */
function hessianVector(v: readonly number[]): number[] {
  const start = [...testNumbers(12, 6), ...testNumbers(8, 7)];
  const h = 2e-3;
  const weights = [1, -8, 8, -1].map((w) => w / (12 * h));
  const offsets = [-2, -1, 1, 2];
  return start.map((_, i) =>
    offsets.reduce((outer, along, j) => {
      const inner = offsets.reduce((sum, at, k) => {
        const w = start.map((x, n) => x + along * h * (v[n] as number) + (n === i ? at * h : 0));
        return sum + (weights[k] as number) * float64Loss(w.slice(0, 12), w.slice(12));
      }, 0);
      return outer + (weights[j] as number) * inner;
    }, 0),
  );
}

/** The step of the self-test in plain float64 loops, and its gradient by central differences. */
function lossAndDifferences(): number[] {
  const a = Array.from(testNumbers(12, 6));
  const b = Array.from(testNumbers(8, 7));
  const h = 1e-5;
  const derivative = (values: number[], i: number): number => {
    const shifted = (by: number): number => {
      const kept = values[i] as number;
      values[i] = kept + by;
      const loss = float64Loss(a, b);
      values[i] = kept;
      return loss;
    };
    return (shifted(h) - shifted(-h)) / (2 * h);
  };
  return [
    float64Loss(a, b),
    ...a.map((_, i) => derivative(a, i)),
    ...b.map((_, i) => derivative(b, i)),
  ];
}

function float64Loss(a: readonly number[], b: readonly number[]): number {
  const matrix = (values: ArrayLike<number>, columns: number): number[][] =>
    Array.from({ length: values.length / columns }, (_, row) =>
      Array.from(values).slice(row * columns, (row + 1) * columns),
    );
  const dot = (u: readonly number[], v: readonly number[]): number =>
    u.reduce((sum, value, i) => sum + value * (v[i] as number), 0);
  const [w, bias] = [matrix(testNumbers(24, 1), 6), testNumbers(4, 2)];
  const [gamma, beta] = [testNumbers(4, 4), testNumbers(4, 5)];

  const normed = matrix(testNumbers(36, 3), 6).map((x) => {
    const narrow = matrix(a, 6).map((row) => dot(row, x));
    const y = w.map(
      (row, i) => dot(row, x) + (bias[i] as number) + 2 * dot(matrix(b, 2)[i] ?? [], narrow),
    );
    const g = y.map((value) => (value / 2) * (1 + erf(value / Math.SQRT2)));
    const mean = g.reduce((sum, value) => sum + value) / 4;
    const variance = g.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 4;
    return g.map(
      (value, i) =>
        ((value - mean) / Math.sqrt(variance + 1e-5)) * (gamma[i] as number) + (beta[i] as number),
    );
  });

  const softmax = (values: readonly number[]): number[] => {
    const powers = values.map(Math.exp);
    const sum = powers.reduce((total, value) => total + value);
    return powers.map((value) => value / sum);
  };
  let loss = 0;
  [0, 1, 2, 3, 0, 1].forEach((label, position) => {
    const row = Math.floor(position / 3);
    const keys = row === 0 ? [0, 1, 2] : [3, 4];
    const mixed = [0, 2].flatMap((from) => {
      const part = (i: number): number[] => (normed[i] ?? []).slice(from, from + 2);
      const weights = softmax(keys.map((i) => dot(part(position), part(i)) / Math.SQRT2));
      return [0, 1].map((column) =>
        dot(
          weights,
          keys.map((i) => part(i)[column] as number),
        ),
      );
    });
    loss -= Math.log(softmax(mixed)[label] as number) / 6;
  });
  return loss;
}

/** The Maclaurin series, exact to float64 for |x| below 3. */
function erf(x: number): number {
  let term = x;
  let sum = x;
  for (let n = 1; n < 100; n++) {
    term *= -(x * x) / n;
    sum += term / (2 * n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * sum;
}
