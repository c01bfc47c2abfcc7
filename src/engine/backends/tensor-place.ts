import * as tf from '@tensorflow/tfjs-core';

/** Backends, by their name in TensorFlow.js, whose tensors are in a device's memory. */
const onDevice = new Set<string>();

/** For a backend's `start`: says where the tensors of the current backend are. */
export function placeTensors(place: 'host' | 'device'): void {
  if (place === 'device') onDevice.add(tf.getBackend());
  else onDevice.delete(tf.getBackend());
}

/**
 * Whether the current backend's tensors are in the host's memory. Then a read costs a copy, and a
 * loop in JavaScript beats a dozen ops on a thin matrix; elsewhere a read waits for all that is
 * queued, and such work is better left on the device.
 */
export function hasHostTensors(): boolean {
  return !onDevice.has(tf.getBackend());
}
