import { nativeBackend } from './native/native-backend';

/** TensorFlow's C library on the CPU: the fastest there is without a GPU. */
export const tensorflow = nativeBackend('tensorflow', 'TensorFlow library on the CPU');
