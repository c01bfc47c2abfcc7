import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-core/dist/register_all_gradients';
// Operands that were computed on the host are served by cpu.
import '@tensorflow/tfjs-backend-cpu';
import { UserError } from '../../shared/errors';
import type { Backend, Device } from './backend';
import { graphicsMemory, mainMemory } from './native/native-backend';
import { placeTensors } from './tensor-place';
import { deviceRefused, openDevice, type OpenedDevice } from './webgpu/dawn';

/** A GPU of any make, through its Vulkan, Metal or Direct3D driver. */
export const webgpu: Backend = {
  name: 'webgpu',
  summary: 'GPU through WebGPU',
  get device() {
    return opened && describe(opened);
  },
  get memoryLimit() {
    return opened ? memoryOf(opened) : mainMemory();
  },
  start: async () => {
    tf.enableProdMode();
    if (!opened) await open();
    if (!(await tf.setBackend('webgpu')))
      throw new UserError({
        code: 'backend-unavailable',
        message: 'webgpu could not be started',
        remedy: 'Set runtime.backend to another one.',
      });
    placeTensors('device');
  },
};

let opened: OpenedDevice | undefined;

async function open(): Promise<void> {
  // Here, for it is large, and few runs use it; and before WebGPU is there, for it would then
  // register a backend of its own.
  const { GuardedBackend } = await import('./webgpu/guarded-backend');
  const { registerPairwiseSum } = await import('./webgpu/kernels');
  const found = await openDevice().catch((error: unknown) => {
    throw error instanceof Error && error.name === 'UserError' ? error : deviceRefused(error);
  });
  // Otherwise small operands are computed by the backend cpu, the whole self-test among them.
  tf.env().set('WEBGPU_CPU_FORWARD', false);
  registerPairwiseSum();
  tf.registerBackend('webgpu', () => new GuardedBackend(found));
  opened = found;
}

function describe({ description, software }: OpenedDevice): Device {
  return { name: description, software };
}

/**
 * WebGPU tells no memory sizes. An NVIDIA card's is asked of its tool; other GPUs mostly share main
 * memory, of which half may be theirs; a software driver has all of it.
 */
function memoryOf({ info, software }: OpenedDevice): number {
  if (software) return mainMemory();
  return (info.vendor === 'nvidia' ? graphicsMemory() : undefined) ?? mainMemory() / 2;
}
