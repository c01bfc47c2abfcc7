import { nativeBackend } from './native/native-backend';

/** TensorFlow's C library with CUDA. */
export const tensorflowGpu = nativeBackend('tensorflow-gpu', 'TensorFlow library on a CUDA GPU');
