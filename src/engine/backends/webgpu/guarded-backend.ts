import type * as tf from '@tensorflow/tfjs-core';
import { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu';
import type { OpenedDevice } from './dawn';
import { gpuFailure, gpuLost, syncRead } from './failures';

type DataId = Parameters<WebGPUBackend['read']>[0];

/** In the order in which they are pushed; popped in the other. */
const SCOPES = ['validation', 'out-of-memory', 'internal'] as const;

/** Unused buffers are given back once they are more than those in use, and more than this. */
const SPARE_BYTES = 256 * 2 ** 20;

/**
 * The backend of TensorFlow.js with the three things that it lacks outside a page:
 *
 * - WebGPU reports errors beside the computation, which goes on with whatever its buffers held. Here
 *   everything lies in error scopes, and a read waits for theirs: no number that was computed after
 *   an error leaves the device. The first error is the last: all later operations throw it.
 * - It keeps a buffer for every size that was ever used; here unused ones are given back.
 * - A synchronous read fails with a word about canvases; here it says what is wrong.
 */
export class GuardedBackend extends WebGPUBackend {
  private failure: Error | undefined;

  constructor({ device, info }: OpenedDevice) {
    super(device, info);
    this.openScopes();
    void device.lost.then(({ reason, message }) => this.fail(gpuLost(message || reason)));
    // What no scope holds, such as an error of a callback.
    device.onuncapturederror = ({ error }) => void this.fail(gpuFailure(error));
  }

  override async read(dataId: DataId): Promise<tf.BackendValues> {
    this.assertIntact();
    let values: tf.BackendValues;
    try {
      values = await super.read(dataId);
    } catch (error) {
      await this.settle();
      throw this.fail(gpuFailure(error));
    }
    await this.settle();
    this.trim();
    return values;
  }

  override readSync(dataId: object): tf.BackendValues {
    const { values, dtype } = this.tensorMap.get(dataId);
    if (!values && dtype !== 'string') throw syncRead();
    return super.readSync(dataId);
  }

  override runWebGPUProgram(...args: Parameters<WebGPUBackend['runWebGPUProgram']>) {
    this.assertIntact();
    return super.runWebGPUProgram(...args);
  }

  /** Waits for the errors of everything that was asked of the device so far. */
  private async settle(): Promise<void> {
    const errors = SCOPES.map(() => this.device.popErrorScope());
    this.openScopes();
    for (const error of await Promise.all(errors)) if (error) this.fail(gpuFailure(error));
    this.assertIntact();
  }

  private openScopes(): void {
    for (const scope of SCOPES) this.device.pushErrorScope(scope);
  }

  /** @returns the first failure, of which later ones are consequences */
  private fail(failure: Error): Error {
    return (this.failure ??= failure);
  }

  private assertIntact(): void {
    if (this.failure) throw this.failure;
  }

  /** Right after a read, for then no command that was not submitted uses a free buffer. */
  private trim(): void {
    const manager = this.bufferManager as unknown as Buffers;
    const { numBytesAllocated, numBytesUsed } = manager;
    if (numBytesAllocated - numBytesUsed < Math.max(SPARE_BYTES, numBytesUsed)) return;
    for (const buffers of manager.freeBuffers.values())
      for (const buffer of buffers.splice(0)) {
        manager.numBytesAllocated -= buffer.size;
        manager.numFreeBuffers -= 1;
        buffer.destroy();
      }
  }
}

/** The part of the package's BufferManager that it keeps to itself. */
interface Buffers {
  readonly numBytesUsed: number;
  numBytesAllocated: number;
  numFreeBuffers: number;
  readonly freeBuffers: Map<string, GPUBuffer[]>;
}
