import { describeError, isUserError } from '../../../shared/errors';
import { keepNonFinite } from '../../../shared/numbers';
import { EXIT_CODES } from '../../../shared/exit-codes';
import { errorFields } from '../run-session';

/** Prints one JSON document; numbers that JSON lacks are strings, as in the journal. */
export function printJson(value: unknown, indent?: number): void {
  process.stdout.write(`${JSON.stringify(value, keepNonFinite, indent)}\n`);
}

export function printText(text: string): void {
  process.stdout.write(`${text}\n`);
}

/**
 * Reports why a command ended: a line for people, or a document `{ error }`.
 * @returns the exit code
 */
export function reportError(error: unknown, json: boolean): number {
  const fields = errorFields(error);
  const internal = fields.code === 'internal-error';
  if (json) printJson({ error: fields });
  else process.stderr.write(`flatscape: ${describeError(fields)}\n`);
  // One that an engine reported has brought its stack along.
  if (internal && error instanceof Error && !isUserError(error))
    process.stderr.write(`${error.stack ?? ''}\n`);
  return internal ? EXIT_CODES.internal.code : EXIT_CODES.usage.code;
}
