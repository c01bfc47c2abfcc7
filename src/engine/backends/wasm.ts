import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-core/dist/register_all_gradients';
// Operands that were computed on the host are served by cpu.
import '@tensorflow/tfjs-backend-cpu';
import type { BackendWasm } from '@tensorflow/tfjs-backend-wasm';
import { UserError } from '../../shared/errors';
import type { Backend } from './backend';
import { registerFused } from './wasm-fused';
import { startJobs, type Heap, type JobRunner } from './wasm-jobs';
import { shareMemory } from './wasm-memory';
import { registerProduct } from './wasm-product';

let jobs: JobRunner | undefined;

/** TensorFlow.js in WebAssembly with SIMD, our kernels on all processors: no installation, 4 GiB. */
export const wasm: Backend = {
  name: 'wasm',
  get summary() {
    return summary(jobs);
  },
  memoryLimit: 4 * 2 ** 30,
  start: async () => {
    tf.enableProdMode();
    if (!jobs) shareMemory();
    if (!(await tf.setBackend('wasm'))) {
      throw new UserError({
        code: 'backend-unavailable',
        message: 'WebAssembly could not be started',
        remedy: 'Set runtime.backend to cpu, or use a newer Node.js.',
      });
    }
    // Once in a process: the kernels that are replaced would otherwise wrap themselves.
    if (jobs) return;
    const backend = tf.backend() as BackendWasm;
    jobs = await startJobs((backend as unknown as { readonly wasm: Heap }).wasm);
    shareClones();
    registerProduct(backend, jobs);
    registerFused(backend, jobs);
  },
};

function summary(runner: JobRunner | undefined): string {
  if (!runner) return 'WebAssembly';
  const { threads, problem } = runner;
  return `WebAssembly, ${threads === 1 ? 'one thread' : `${threads} threads`}${problem ? `; ${problem}` : ''}`;
}

/**
 * Lets a clone share its memory. The package copies, though tensors are never written into, and
 * every tensor that a gradient saves is a clone.
 */
function shareClones(): void {
  const kernel = { kernelName: 'Identity', backendName: 'wasm' };
  tf.unregisterKernel(kernel.kernelName, kernel.backendName);
  tf.registerKernel({
    ...kernel,
    kernelFunc: ({ inputs, backend }) => {
      const x = inputs['x'] as tf.TensorInfo;
      (backend as tf.KernelBackend).incRef(x.dataId);
      return { dataId: x.dataId, shape: x.shape, dtype: x.dtype };
    },
  });
}
