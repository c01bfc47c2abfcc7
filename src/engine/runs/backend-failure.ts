import { isNative } from '../../shared/backends';
import { UserError } from '../../shared/errors';
import { forgetVerdicts } from '../backends/native/verdicts';

/**
 * A WebAssembly heap that is full ends the backend with one of the first, not with an error of its
 * own; every later operation fails as well, so the process must end. TensorFlow's status 8 is
 * RESOURCE_EXHAUSTED.
 */
const FULL =
  /^Aborted\(|memory access out of bounds|out.of.memory|Array buffer allocation failed|TF_Status: 8\b|\bOOM when allocating|resource exhausted|failed to allocate memory|_STATUS_ALLOC_FAILED/i;

/** What CUDA says when the card or its driver is gone: the context cannot be used again. */
const LOST =
  /CUDA_ERROR_(?!OUT_OF_MEMORY)|CU(DNN|BLAS|SOLVER|SPARSE)_STATUS_(?!ALLOC_FAILED)|cudaError(?!MemoryAllocation)|illegal memory access|GPU is lost|GPU kernel|device (?:was )?lost/i;

/** What a failure inside the backend means to the user; undefined for any other error. */
export function backendFailure(error: unknown): UserError | undefined {
  if (!(error instanceof Error) || error.name === 'UserError') return undefined;
  if (LOST.test(error.message))
    return new UserError(
      {
        code: 'gpu-lost',
        message: 'the GPU, or its driver, has failed',
        found: error.message,
        remedy:
          'The last checkpoint is intact: resume the run, with `runtime.backend: tensorflow` or `wasm` if the GPU stays away.',
      },
      { cause: error },
    );
  if (!FULL.test(error.message)) return undefined;
  return new UserError(
    {
      code: 'backend-out-of-memory',
      message: 'the backend has run out of memory',
      found: error.message,
      remedy:
        'Lower `train.batch_size` (and raise `train.gradient_accumulation_steps` by as much), `train.eval_batch_size` or `train.max_length`, then start again. The last checkpoint is intact.',
    },
    { cause: error },
  );
}

/** A GPU that has failed in a run is proved anew before the next one takes it. */
export async function doubtBackend(name: string, code: string): Promise<void> {
  if (isNative(name) && /^gpu-/.test(code)) await forgetVerdicts(name);
}
