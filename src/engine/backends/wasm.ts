import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-core/dist/register_all_gradients';
// Operands that were computed on the host are served by cpu.
import '@tensorflow/tfjs-backend-cpu';
import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { UserError } from '../../shared/errors';
import type { Backend } from './backend';
import { registerFastProduct } from './wasm-product';

/** TensorFlow.js in WebAssembly with SIMD: one thread, no installation, 4 GiB. */
export const wasm: Backend = {
  name: 'wasm',
  summary: 'WebAssembly, one thread',
  memoryLimit: 4 * 2 ** 30,
  start: async () => {
    tf.enableProdMode();
    setWasmPaths(join(binaryFolder(), sep));
    if (!(await tf.setBackend('wasm'))) {
      throw new UserError({
        code: 'backend-unavailable',
        message: 'WebAssembly could not be started',
        remedy: 'Set runtime.backend to cpu, or use a newer Node.js.',
      });
    }
    adjustKernels();
  },
};

let adjusted = false;

/** Once in a process: the kernels that are replaced would otherwise wrap themselves. */
function adjustKernels(): void {
  if (adjusted) return;
  adjusted = true;
  shareClones();
  registerFastProduct();
}

/** Beside the bundle when shipped, in the npm package when run from source. */
function binaryFolder(): string {
  const here = dirname(fileURLToPath(import.meta.url));
  if (existsSync(join(here, 'tfjs-backend-wasm-simd.wasm'))) return here;
  const require = createRequire(import.meta.url);
  return join(dirname(require.resolve('@tensorflow/tfjs-backend-wasm/package.json')), 'dist');
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
