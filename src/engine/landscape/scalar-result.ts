import type { Measured } from './measure';

interface ScalarParts {
  readonly standardError?: number;
  readonly details?: Readonly<Record<string, number>>;
  readonly notes?: readonly string[];
}

/** One number; where it is not finite, a note says that a loss was not. */
export function scalarResult(
  value: number,
  { standardError, details, notes = [] }: ScalarParts = {},
): Measured {
  const said = Number.isFinite(value) || notes.length > 0;
  return {
    result: {
      kind: 'scalar',
      value,
      ...(standardError !== undefined && { standardError }),
      ...(details && { details: { ...details } }),
    },
    notes: said ? notes : ['A loss is not finite at the perturbed weights.'],
  };
}

/** What a measure that goes along the gradient says where there is none to go along. */
export function withoutAscent(
  loss: number,
  gradientNorm: number,
  atZero: number,
): Measured | undefined {
  const details = { loss, gradientNorm };
  if (!Number.isFinite(loss) || !Number.isFinite(gradientNorm))
    return scalarResult(NaN, {
      details,
      notes: ['The loss or its gradient is not finite at the weights themselves.'],
    });
  if (gradientNorm === 0)
    return scalarResult(atZero, {
      details,
      notes: ['The gradient is 0: there is no direction of ascent.'],
    });
  return undefined;
}
