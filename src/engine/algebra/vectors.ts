import { innerProduct, type Values } from './small-matrix';
import { zip } from './zip';

/** p − q, part by part. */
export function differences(p: readonly Values[], q: readonly Values[]): readonly Float64Array[] {
  return zip(p, q).map(([a, b]) => Float64Array.from(a, (value, i) => value - (b[i] as number)));
}

/** Norm of all parts as one vector. */
export function length(parts: readonly Values[]): number {
  return Math.sqrt(parts.reduce((sum, part) => sum + innerProduct(part, part), 0));
}

/** Cosine of the angle between p and q, each all its parts as one vector. */
export function cosine(p: readonly Values[], q: readonly Values[]): number {
  const dot = zip(p, q).reduce((sum, [a, b]) => sum + innerProduct(a, b), 0);
  return dot / (length(p) * length(q));
}
