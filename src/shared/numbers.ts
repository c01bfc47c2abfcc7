import * as z from 'zod';

/**
 * A measured number in a JSON document. JSON has no NaN or infinity, so those travel as strings;
 * `JSON.stringify` alone would turn them into `null` without a word.
 */
export const metricSchema = z.union([
  z.number(),
  z.enum(['NaN', 'Infinity', '-Infinity']).transform(Number),
]);

/** `JSON.stringify` replacer that keeps non-finite numbers as `metricSchema` reads them. */
export function keepNonFinite(_key: string, value: unknown): unknown {
  return typeof value === 'number' && !Number.isFinite(value) ? String(value) : value;
}

/**
 * Seven significant digits: what a float32 measurement carries. Keeps a journal of 10,000 steps at
 * half the size without losing anything that was measured.
 */
export function sevenDigits(value: number): number {
  return Number.isFinite(value) ? Number(value.toPrecision(7)) : value;
}
