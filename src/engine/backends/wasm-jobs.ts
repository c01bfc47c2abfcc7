import { availableParallelism } from 'node:os';
import { setFlagsFromString } from 'node:v8';
import { Worker } from 'node:worker_threads';
import { UserError } from '../../shared/errors';
import { FUSED_KERNELS_WASM, KERNELS_WASM } from './kernels/kernels.wasm';

/** The kernels, numbered as in kernels/assembly/dispatch.ts. */
const KERNELS = [
  'product',
  'attention',
  'attentionGradient',
  'norm',
  'normGradient',
  'gelu',
  'dropout',
] as const;

export interface Job {
  readonly kernel: (typeof KERNELS)[number];
  /** The fields of the kernel's job class: addresses, whole numbers, and `floatBits`. */
  readonly operands: readonly number[];
  /** Parts that different threads may do at once. One is done without asking any. */
  readonly items: number;
  /** Working memory of each thread, in bytes. */
  readonly scratch?: number;
}

/** Memory of TensorFlow.js: the part of the package's Emscripten module that is used here. */
export interface Heap {
  readonly asm: { readonly memory: object };
  readonly HEAPU8: Uint8Array;
  _malloc(bytes: number): number;
  _free(address: number): void;
}

export interface JobRunner {
  /** Threads that take part, this one included. */
  readonly threads: number;
  /** Whether a multiplication and an addition round once: twice the speed on many processors. */
  readonly fusedMultiplyAdd: boolean;
  /** Why there is one thread where there could be more. */
  readonly problem: string | undefined;
  /** @throws UserError `backend-thread-lost`, from then on, when a thread has ended */
  run(job: Job): void;
  /** Ends the other threads. */
  dispose(): Promise<void>;
}

export interface JobRunnerOptions {
  /** Default: as many as the processor has, at most `MOST_THREADS`. */
  readonly threads?: number;
  /** How long no thread may finish anything before the one is held for lost: milliseconds. */
  readonly patience?: number;
  /** What a worker does; tests put one in its place that fails. */
  readonly worker?: string;
}

/** More gain little: the products are then limited by the memory. */
const MOST_THREADS = 8;
/** Of the control block: kernels/assembly/dispatch.ts. */
const [KERNEL, SCRATCH, SCRATCH_BYTES, OPERANDS, CONTROL_BYTES] = [192, 196, 200, 256, 512];
const [PENDING, FAILED] = [64, 68];
/** A computer that was asleep may use up one. */
const TRIES = 3;

/** The part of the platform's WebAssembly that is used here; the types of Node leave it out. */
declare const WebAssembly: {
  readonly validate: (bytes: Uint8Array) => boolean;
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (
    module: object,
    imports: { readonly env: { readonly memory: object } },
  ) => { readonly exports: unknown };
};

/** kernels/assembly/jobs.ts */
interface Exports {
  /** @returns how many items are not finished */
  run(control: number, items: number): number;
  runAlone(control: number, items: number): void;
}

/**
 * Runs the kernels on the memory of TensorFlow.js, on this thread and on threads that are started
 * here. Results do not depend on how many there are. The threads do not keep the process alive.
 */
export async function startJobs(heap: Heap, options: JobRunnerOptions = {}): Promise<JobRunner> {
  const { threads = Math.min(MOST_THREADS, availableParallelism()) } = options;
  const { patience = 10_000, worker: script = WORKER } = options;
  const { module, fusedMultiplyAdd } = compile();
  const { memory } = heap.asm;
  const control = allocateControl(heap);
  const instance = new WebAssembly.Instance(module, { env: { memory } });
  const { run, runAlone } = instance.exports as Exports;
  const { workers, problem } = await startWorkers(threads - 1, script, {
    ...{ module, memory, control },
  });
  const scratch = scratchMemory(heap);

  let lost = false;
  for (const worker of workers) worker.once('exit', () => (lost = true));
  /** Waits here and not in WebAssembly, where a time limit has no effect in Node 20. */
  const finish = (): void => {
    const words = new Int32Array(heap.HEAPU8.buffer, control);
    let idle = 0;
    for (let left = Atomics.load(words, PENDING / 4); left > 0;) {
      if (Atomics.load(words, FAILED / 4) !== 0 || idle === TRIES) throw threadLost();
      Atomics.wait(words, PENDING / 4, left, patience);
      const now = Atomics.load(words, PENDING / 4);
      idle = now === left ? idle + 1 : 0;
      left = now;
    }
  };
  return {
    threads: workers.length + 1,
    ...{ fusedMultiplyAdd, problem },
    run: ({ kernel, operands, items, scratch: bytes = 0 }) => {
      if (lost) throw threadLost();
      const words = Math.ceil(bytes / 64) * 16;
      const address = bytes > 0 ? scratch(4 * words * (workers.length + 1)) : 0;
      // After the allocation, which may have replaced the view.
      const view = new DataView(heap.HEAPU8.buffer, control);
      view.setUint32(KERNEL, KERNELS.indexOf(kernel), true);
      view.setUint32(SCRATCH, address, true);
      view.setUint32(SCRATCH_BYTES, 4 * words, true);
      operands.forEach((word, i) => view.setUint32(OPERANDS + 4 * i, word, true));
      try {
        if (items === 1 || workers.length === 0) runAlone(control, items);
        else if (run(control, items) > 0) finish();
      } catch (error) {
        // Others may still be at work on a job that failed here.
        lost = true;
        throw error;
      }
    },
    dispose: async () => {
      for (const worker of workers) worker.removeAllListeners('exit');
      await Promise.all(workers.map((worker) => worker.terminate()));
      lost = workers.length > 0;
    },
  };
}

/** The bits of a float32, as an operand. */
export function floatBits(x: number): number {
  FLOAT[0] = x;
  return BITS[0] as number;
}

const FLOAT = new Float32Array(1);
const BITS = new Uint32Array(FLOAT.buffer);

function compile(): { module: object; fusedMultiplyAdd: boolean } {
  const fused = Buffer.from(FUSED_KERNELS_WASM, 'base64');
  // Node 20 has it behind a flag, which later ones, that have it on, no longer know.
  if (!WebAssembly.validate(fused) && process.version.startsWith('v20.'))
    setFlagsFromString('--experimental-wasm-relaxed-simd');
  const fusedMultiplyAdd = WebAssembly.validate(fused);
  const bytes = fusedMultiplyAdd ? fused : Buffer.from(KERNELS_WASM, 'base64');
  return { module: new WebAssembly.Module(bytes), fusedMultiplyAdd };
}

/** Zeros, at a multiple of a cache line. */
function allocateControl(heap: Heap): number {
  const bytes = CONTROL_BYTES + 64;
  const address = heap._malloc(bytes) >>> 0;
  heap.HEAPU8.fill(0, address, address + bytes);
  return Math.ceil(address / 64) * 64;
}

/** One block of the heap, replaced when a larger one is needed. */
function scratchMemory(heap: Heap): (bytes: number) => number {
  let block = { address: 0, bytes: 0 };
  return (bytes) => {
    if (bytes > block.bytes) {
      if (block.bytes > 0) heap._free(block.address);
      block = { address: heap._malloc(bytes) >>> 0, bytes };
    }
    return block.address;
  };
}

/** All that a worker does; a string, since a bundle and a test would each look for a file elsewhere. */
const WORKER = `
const { parentPort, workerData } = require('node:worker_threads');
const { module, memory, control, thread } = workerData;
const { serve, fail } = new WebAssembly.Instance(module, { env: { memory } }).exports;
parentPort.postMessage('ready');
try {
  serve(control, thread);
} catch (error) {
  fail(control);
  throw error;
}
`;

interface WorkerSetup {
  readonly module: object;
  readonly memory: object;
  readonly control: number;
}

/** All that are asked for, or none and the reason. */
async function startWorkers(
  count: number,
  script: string,
  setup: WorkerSetup,
): Promise<{ workers: readonly Worker[]; problem: string | undefined }> {
  const workers: Worker[] = [];
  try {
    for (let thread = 1; thread <= count; thread++)
      workers.push(
        new Worker(script, { eval: true, execArgv: [], workerData: { ...setup, thread } }),
      );
    await Promise.all(workers.map(ready));
    return { workers, problem: undefined };
  } catch (error) {
    // Slower, and all that can be done here: the summary of the backend says so.
    await Promise.all(workers.map((worker) => worker.terminate()));
    const reason = error instanceof Error ? error.message : String(error);
    return { workers: [], problem: `threads could not be started: ${reason}` };
  }
}

function ready(worker: Worker): Promise<void> {
  return new Promise((resolve, reject) => {
    worker.once('message', () => {
      worker.unref();
      resolve();
    });
    // Kept: an error later on is seen by the next job, as the end of the thread.
    worker.on('error', reject);
    worker.once('exit', () => reject(new Error('a thread ended at once')));
  });
}

function threadLost(): UserError {
  return new UserError({
    code: 'backend-thread-lost',
    message: 'a thread of the wasm backend has ended, or makes no progress',
    remedy:
      'The last checkpoint is intact: resume the run. If it happens again, the machine may be out of memory.',
  });
}
