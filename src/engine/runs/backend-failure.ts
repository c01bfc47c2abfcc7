import { UserError } from '../../shared/errors';

/**
 * A WebAssembly heap that is full ends the backend with one of these, not with an error of its own;
 * every later operation fails as well, so the process must end.
 */
const DEAD = /^Aborted\(|memory access out of bounds|out of memory|Array buffer allocation failed/i;

/** What a failure inside the backend means to the user; undefined for any other error. */
export function backendFailure(error: unknown): UserError | undefined {
  if (!(error instanceof Error) || error.name === 'UserError' || !DEAD.test(error.message))
    return undefined;
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
