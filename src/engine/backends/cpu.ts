import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-core/dist/register_all_gradients';
import type { Backend } from './backend';

/** TensorFlow.js in plain JavaScript: slow, always there. */
export const cpu: Backend = {
  name: 'cpu',
  summary: 'plain JavaScript, for tests and tiny models',
  // A Node process's default heap; arrays live outside it, but the machine is shared.
  memoryLimit: 4 * 2 ** 30,
  start: async () => {
    // Without this the first tensor prints an advertisement for another package.
    tf.enableProdMode();
    await tf.setBackend('cpu');
  },
};
