import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { selfTestStep } from '../../../src/engine/backends/self-test';
import { webgpu } from '../../../src/engine/backends/webgpu';
import { testedBackends } from '../../support/tested-backends';

const tested = (await testedBackends()).some(({ name }) => name === 'webgpu');

interface Opened {
  readonly device: GPUDevice;
}

describe.skipIf(!tested)('webgpu', async () => {
  const { openDevice } = await import('../../../src/engine/backends/webgpu/dawn');
  const { GuardedBackend } = await import('../../../src/engine/backends/webgpu/guarded-backend');
  const { addNConfig } = (await import(
    '@tensorflow/tfjs-backend-webgpu/dist/kernels/AddN' as string
  )) as { addNConfig: tf.KernelConfig };

  /** A device of the test's own, which it may break. */
  let own: Opened;
  beforeEach(async () => {
    await webgpu.start();
    tf.removeBackend('webgpu');
    const opened = await openDevice();
    tf.registerBackend('webgpu', () => new GuardedBackend(opened));
    await tf.setBackend('webgpu');
    own = opened;
  });
  afterAll(() => tf.removeBackend('webgpu'));

  const ones = (n = 4): tf.Tensor => tf.add(tf.ones([n]), tf.zeros([n]));

  it('computes on the device, small operands as well', async () => {
    const before = tf.memory() as tf.MemoryInfo & { numBytesInGPU: number };
    const x = ones();
    const after = tf.memory() as typeof before;
    expect(after.numBytesInGPU).toBeGreaterThan(before.numBytesInGPU);
    expect(Array.from(await x.data())).toEqual([1, 1, 1, 1]);
  });

  it.each([2, 7, 8, 13, 40])('sums %i tensors right', async (n) => {
    const terms = Array.from({ length: n }, (_, i) => tf.mul(ones(), i + 1));
    // A buffer of the same size, with other numbers, to be recycled.
    tf.mul(ones(), -1000).dispose();
    const sum = tf.addN(terms);
    expect(Array.from(await sum.data())).toEqual(Array<number>(4).fill((n * (n + 1)) / 2));
    expect(Array.from(await (terms[0] as tf.Tensor).data())).toEqual([1, 1, 1, 1]);
  });

  it('refuses the numbers of an operation that the device refused: the sum of the package', async () => {
    const terms = Array.from({ length: 40 }, () => ones());
    const inputs = terms as unknown as tf.NamedTensorInfoMap;
    const info = addNConfig.kernelFunc({ inputs, backend: tf.backend() }) as tf.TensorInfo;
    const stale = tf.engine().makeTensorFromTensorInfo(info);
    await expect(stale.data()).rejects.toMatchObject({ code: 'gpu-error' });
    // Nothing that comes later can be trusted, either.
    expect(() => ones()).toThrow('the GPU has refused');
    await expect((terms[0] as tf.Tensor).data()).rejects.toMatchObject({ code: 'gpu-error' });
  });

  it('names a tensor that is too large', async () => {
    const { maxBufferSize } = own.device.limits;
    const x = tf.fill([maxBufferSize / 4 + 1], 1);
    await expect(x.data()).rejects.toMatchObject({
      code: 'backend-out-of-memory',
      remedy: expect.stringContaining('train.batch_size') as string,
    });
  });

  it('names a device that is lost, before and during a read', async () => {
    const [x, y] = [ones(), ones(5)];
    const reading = x.data();
    own.device.destroy();
    await expect(reading).rejects.toMatchObject({ code: 'gpu-lost' });
    await expect(y.data()).rejects.toMatchObject({ code: 'gpu-lost' });
    expect(() => ones()).toThrow('the GPU, or its driver, has failed');
  });

  it('says what is wrong with a synchronous read', () => {
    expect(() => ones().dataSync()).toThrow('await tensor.data()');
  });

  it('keeps no memory of the device from step to step', async () => {
    await selfTestStep();
    const bytes = () => {
      const { numBytesInGPU, numBytesAllocatedInGPU } = tf.memory() as unknown as Record<
        string,
        number
      >;
      return [tf.memory().numTensors, numBytesInGPU, numBytesAllocatedInGPU];
    };
    const before = bytes();
    for (let i = 0; i < 5; i++) await selfTestStep();
    expect(bytes()).toEqual(before);
  });

  it('gives buffers back that no tensor uses any more', async () => {
    const size = 2 ** 26;
    for (let i = 1; i <= 10; i++) {
      const x = tf.fill([size / 4 + i], i);
      const first = tf.slice(x, [0], [1]);
      expect(Array.from(await first.data())).toEqual([i]);
      tf.dispose([x, first]);
    }
    const { numBytesAllocatedInGPU } = tf.memory() as unknown as Record<string, number>;
    expect(numBytesAllocatedInGPU).toBeLessThan(6 * size);
  });
});
