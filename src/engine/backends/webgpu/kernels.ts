import * as tf from '@tensorflow/tfjs-core';

/**
 * A sum of two at a time. The package adds all in one shader, and one more than seven inputs is more
 * buffers than every device has: the sum then is whatever its buffer held.
 */
export function registerPairwiseSum(): void {
  const kernel = { kernelName: 'AddN', backendName: 'webgpu' };
  tf.unregisterKernel(kernel.kernelName, kernel.backendName);
  tf.registerKernel({
    ...kernel,
    kernelFunc: ({ inputs, backend }) => {
      const terms = inputs as unknown as tf.TensorInfo[];
      const run = (name: string, operands: tf.NamedTensorInfoMap): tf.TensorInfo =>
        tf.getKernel(name, 'webgpu')?.kernelFunc({ inputs: operands, backend }) as tf.TensorInfo;
      const { disposeData } = backend as tf.KernelBackend;
      return terms.slice(1).reduce(
        (sum, b) => {
          const next = run('Add', { a: sum, b });
          disposeData.call(backend, sum.dataId);
          return next;
        },
        run('Identity', { x: terms[0] as tf.TensorInfo }),
      );
    },
  });
}
