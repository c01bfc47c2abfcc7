import { isUserError, UserError } from '../../../shared/errors';

const CHECKPOINT = 'The last checkpoint is intact: resume the run';

/** The card, or its driver, is gone; the device cannot be used again. */
export function gpuLost(found: string): UserError {
  return new UserError({
    code: 'gpu-lost',
    message: 'the GPU, or its driver, has failed',
    found: firstLine(found),
    remedy: `${CHECKPOINT}. With \`runtime.backend: auto\` it goes on with another backend if the GPU stays away; or set \`tensorflow\` or \`wasm\`.`,
  });
}

/** An error that the device reports beside the computation, or that a read ends with. */
export function gpuFailure(error: unknown): Error {
  if (isUserError(error)) return error;
  const { name, message } = describe(error);
  if (/exceeds the max (?:storage )?buffer|larger than the maximum .*binding size/i.test(message))
    return outOfMemory('one tensor is larger than a buffer of the GPU may be', message);
  if (
    name === 'GPUOutOfMemoryError' ||
    /OUT_OF_(?:DEVICE_|HOST_)?MEMORY|out of memory|createBuffer failed/i.test(message)
  )
    return outOfMemory('the GPU has run out of memory', message);
  if (/DEVICE_LOST|device (?:is|was) lost|instance dropped/i.test(message)) return gpuLost(message);
  return new UserError(
    {
      code: 'gpu-error',
      message: 'the GPU has refused an operation, so what it computed cannot be trusted',
      found: firstLine(message),
      remedy: `${CHECKPOINT}, with another \`runtime.backend\`, or with an updated driver. Please report it.`,
    },
    { cause: error },
  );
}

/** Our own mistake, not the user's: only asynchronous reads reach the device. */
export function syncRead(): Error {
  return new Error('a tensor of webgpu was read synchronously; use `await tensor.data()`');
}

function outOfMemory(message: string, found: string): UserError {
  return new UserError({
    code: 'backend-out-of-memory',
    message,
    found: firstLine(found),
    remedy:
      'Lower `train.batch_size` (and raise `train.gradient_accumulation_steps` by as much), `train.eval_batch_size` or `train.max_length`, then start again. The last checkpoint is intact.',
  });
}

/** Errors of a device are no `Error`s; they have a message. */
function describe(error: unknown): { name: string; message: string } {
  const { message } = error as { readonly message?: unknown };
  const name = (error as object | null)?.constructor?.name ?? '';
  return { name, message: typeof message === 'string' ? message : String(error) };
}

function firstLine(text: string): string {
  return text.trim().split('\n')[0] ?? '';
}
